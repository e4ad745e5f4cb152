#include "ops.h"
#include <torch/all.h>

__global__ void quant_kernel(int* out) {
  out[0] = 1;
}

// Mirrors quant_kernel above.
int user(int x) {
  return x + 1;
}
