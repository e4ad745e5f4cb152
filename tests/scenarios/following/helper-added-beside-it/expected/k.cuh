#pragma once

__device__ int safe(int n) {
  return n > 0 ? n : 1;
}

// Scales by the length.
__global__ void scale(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) {
    return;
  }
  const float factor = 1.0f / safe(n);
  out[i] = in[i] * factor;
}
