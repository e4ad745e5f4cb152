#include "ops.h"
#include <torch/all.h>

int silu(int x) {
  return x + 1;
}

int gelu(int x) {
  return x * x;
}
