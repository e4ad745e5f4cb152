#include "scale.h"

void copy(float* out, const float* in) {
  size_t lanes_each = warp_lanes(in);
  move(out, in, lanes_each);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
