#include "ops.h"
#include <torch/all.h>
#ifdef USE_ROCM
#include <hip/hip_fp16.h>
#else
#include <cuda_fp16.h>
#endif
#include "registration.h"

int silu(int x) {
  return x + 1;
}

int gelu(int x) {
  return x * x;
}
