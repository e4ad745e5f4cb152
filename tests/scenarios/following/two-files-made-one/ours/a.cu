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

void run(float* out, const float* in, int n) {
  const int blocks = (n + 255) / 256;
  scale<<<blocks, 256>>>(out, in, n);
  sum<<<1, 256>>>(out, in, n);
  check_launch();
}
