#pragma once

__device__ void softmax_log_impl(float* out, const float* in, int n) {
  const float top = block_max(in, n);
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) {
    sum += __expf(in[i] - top);
  }
  out[blockIdx.x] = logf(sum) + top;
}
