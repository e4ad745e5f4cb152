#include "common.h"

// Adds all up.
__global__ void sum(float* out, const float* in, int n) {
  float total = 0.0f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    total += in[i];
  }
  total = block_reduce(total);
  if (threadIdx.x == 0) {
    out[blockIdx.x] = total;
  }
}

// Scales by the length.
__global__ void scale(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) {
    return;
  }
  const float factor = 1.0f / n;
  out[i] = in[i] * factor;
}
