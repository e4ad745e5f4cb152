#include "ops.h"
#include <torch/all.h>

template <typename T>
__global__ void silu_kernel(T* out, const T* in, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    out[i] = in[i] / (T(1) + exp(-in[i]));
  }
}
