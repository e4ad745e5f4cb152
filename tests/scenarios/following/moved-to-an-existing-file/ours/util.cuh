#pragma once
#include <cmath>

__device__ float clamp(float x, float lo, float hi) {
  return max(lo, min(x, hi));
}
