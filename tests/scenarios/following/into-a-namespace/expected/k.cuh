#pragma once

namespace kernels {
// Scales by the length.
__global__ void scale(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) {
    return;
  }
  const float factor = 1.0f / max(n, 1);
  out[i] = in[i] * factor;
}
}  // namespace kernels
