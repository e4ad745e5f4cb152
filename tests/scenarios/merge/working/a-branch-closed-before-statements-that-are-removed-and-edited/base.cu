#include "scale.h"

void fill(int n) {
  State state = begin(n);
  auto options = defaults(n);
  auto rows = empty(2, options);
  unpack(rows, state);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
