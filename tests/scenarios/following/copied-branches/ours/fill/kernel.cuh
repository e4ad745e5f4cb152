#pragma once

#include "../common.h"

__global__ void fill_kernel(float* out, int n) {
  if (threadIdx.x < n) {
    out[threadIdx.x] = 1.0f;
  }
}

