#include "scale.h"

void copy(float* out, const float* in) {
  int width = warp_lanes(in);
  move(out, in, width);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
