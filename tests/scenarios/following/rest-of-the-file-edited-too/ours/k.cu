#include "common.h"

// Scales by the length.
__global__ void scale(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) {
    return;
  }
  const float factor = 1.0f / max(n, 1);
  out[i] = in[i] * factor;
}

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

// The logarithm of the sum of exponentials.
__global__ void softmax_log(float* out, const float* in, int n) {
  const float top = block_max(in, n);
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) {
    sum += __expf(in[i] - top);
  }
  out[blockIdx.x] = logf(sum) + top;
}

void run(float* out, const float* in, int n) {
  const int blocks = (n + 255) / 256;
  scale<<<blocks, 256>>>(out, in, n);
  sum<<<1, 256>>>(out, in, n);
  check_launch();
}
