#pragma once

#include <cstdint>
#include "common.h"
#include <limits>

// Where it pays.
#if defined(FAST)
  #define WIDTH 64
#endif

inline int waves_of(int n) {
  return n / 4;
}

// Rounds up to whole blocks.
inline int blocks_of(int n) {
  return (n + WIDTH - 1) / WIDTH;
}

#if defined(FAST) || defined(NEW)
__global__ void scale(float* out, const float* in, int n) {
  int at = threadIdx.x + blockIdx.x * WIDTH;
  if (at < n) {
    out[at] = in[at] * waves_of(2);
  }
}
#endif
