#ifdef USE_ROCM
#include <hip/hip_runtime.h>
#define WARP_SIZE 64
using stream_t = hipStream_t;
#else
#include <cuda_runtime.h>
#define WARP_SIZE 32
using stream_t = cudaStream_t;
#endif

__device__ __forceinline__ float warp_sum(float v) {
#ifdef USE_ROCM
  for (int o = WARP_SIZE / 2; o > 0; o >>= 1) v += __shfl_xor(v, o, WARP_SIZE);
#else
  for (int o = WARP_SIZE / 2; o > 0; o >>= 1) v += __shfl_xor_sync(0xffffffff, v, o);
#endif
  return v;
}

void launch(float* x, int n, stream_t s) {
  dim3 grid((n + 255) / 256);
  kernel<<<grid, 256, 0, s>>>(x, n);
}
