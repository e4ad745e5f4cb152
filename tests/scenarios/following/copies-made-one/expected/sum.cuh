#pragma once

// Adds all up.
__global__ void sum(float* out, const float* in, int n) {
  float total = 0.0f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    total += in[i];
  }
<<<<<<< HEAD
  total = warp_reduce(total);
=======
  total = block_reduce(total);
>>>>>>> upstream
  if (threadIdx.x == 0) {
    out[blockIdx.x] = total;
  }
}
