#include "common.h"

// Scales by the length.
__global__ void scale(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) {
    return;
  }
  const float factor = 1.0f / n;
  out[i] = in[i] * factor;
}

// The logarithm of the sum of exponentials.
__global__ void softmax_log(float* out, const float* in, int n) {
  const float top = block_max(in, n);
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) {
    sum += expf(in[i] - top);
  }
  out[blockIdx.x] = logf(sum) + top;
}

void run(float* out, const float* in, int n) {
  const int blocks = (n + 255) / 256;
  scale<<<blocks, 256>>>(out, in, n);
  sum<<<1, 256>>>(out, in, n);
  check_launch();
}
