template <typename T, int kBlockM, int kBlockN, bool kCausal>
struct FlashTraits {
  static constexpr int kThreads = 128;
  using Element = T;
  static constexpr int kSmem = (kBlockM + 2 * kBlockN) * sizeof(T);
};

template <typename T, int kBlockM, int kBlockN, bool kCausal>
__global__ void flash_kernel(Params p) {
  using Traits = FlashTraits<T, kBlockM, kBlockN, kCausal>;
  run<Traits>(p);
}

template <typename T>
void launch(Params p, cudaStream_t stream) {
  if (p.causal) {
    flash_kernel<T, 64, 64, true><<<p.grid, 128, 0, stream>>>(p);
  } else {
    flash_kernel<T, 64, 64, false><<<p.grid, 128, 0, stream>>>(p);
  }
}
