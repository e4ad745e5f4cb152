#pragma once

// The logarithm of the sum of exponentials.
__global__ void log_sum_exp(float* out, const float* in, int n) {
  const float top = block_max(in, n);
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) {
    sum += expf(in[i] - top);
  }
  out[blockIdx.x] = logf(sum) + top;
}
