#include "ops.h"
#include <torch/all.h>

__global__ void quant_rows_kernel(int* out) {
  out[0] = 1;
}

int user(int x) {
  return x + 1;
}
