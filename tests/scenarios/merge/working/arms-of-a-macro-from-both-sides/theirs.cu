#define LAUNCH_KERNEL(T, VEC)                                        \
  kernel<T, VEC><<<grid, block, 0, stream>>>(                        \
      reinterpret_cast<T*>(out.data_ptr()),                          \
      reinterpret_cast<const T*>(in.data_ptr()), n);

#define DISPATCH_VEC(T)         \
  switch (vec) {                \
    case 1:                     \
      LAUNCH_KERNEL(T, 1);      \
      break;                    \
    case 2:                     \
      LAUNCH_KERNEL(T, 2);      \
      break;                    \
    case 4:                     \
      LAUNCH_KERNEL(T, 4);      \
      break;                    \
    default:                    \
      TORCH_CHECK(false);       \
  }

void run(torch::Tensor& out, const torch::Tensor& in, int vec, cudaStream_t stream) {
  const int n = in.numel();
  dim3 grid((n + 255) / 256), block(256);
  if (in.dtype() == torch::kHalf) {
    DISPATCH_VEC(half);
  } else if (in.dtype() == torch::kFloat) {
    DISPATCH_VEC(float);
  }
}
