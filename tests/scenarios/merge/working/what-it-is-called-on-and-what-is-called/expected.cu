#include "scale.h"

void copy(Tensor out, Tensor in) {
  fill(result.mutable_data(), out.size());
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
