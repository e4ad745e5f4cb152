#include "scale.h"

void copy(Tensor out, Tensor in) {
  fill(out.mutable_data(), out.size());
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
