template <typename scalar_t, int BLOCK>
__global__ void rms_norm_kernel(scalar_t* __restrict__ out, const scalar_t* __restrict__ in,
                                const scalar_t* __restrict__ weight, float eps, int hidden_size) {
  __shared__ float s_var;
  float var = 0.0f;
  for (int i = threadIdx.x; i < hidden_size; i += blockDim.x) {
    const float x = (float)in[blockIdx.x * hidden_size + i];
    var += x * x;
  }
  var = blockReduceSum<BLOCK>(var);
  if (threadIdx.x == 0) {
    s_var = rsqrtf(var / hidden_size + eps);
  }
  __syncthreads();
  if (hidden_size % 8 != 0) return;
  for (int i = threadIdx.x; i < hidden_size; i += blockDim.x) {
    const float x = (float)in[blockIdx.x * hidden_size + i];
    out[blockIdx.x * hidden_size + i] = ((scalar_t)(x * s_var)) * weight[i];
  }
}

void rms_norm(torch::Tensor& out, torch::Tensor& in, torch::Tensor& weight, double eps) {
  int hidden = in.size(-1);
  dim3 grid(in.numel() / hidden);
  dim3 block(std::min(hidden, 1024));
  const cudaStream_t stream = at::cuda::getCurrentCUDAStream();
  VLLM_DISPATCH_FLOATING_TYPES(in.scalar_type(), "rms_norm_kernel", [&] {
    rms_norm_kernel<scalar_t, 1024><<<grid, block, 0, stream>>>(
        out.data_ptr<scalar_t>(), in.data_ptr<scalar_t>(),
        weight.data_ptr<scalar_t>(), eps, hidden);
  });
}
