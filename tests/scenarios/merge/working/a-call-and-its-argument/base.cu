#include "scale.h"

void copy(float* out, const float* in) {
  move(out, in);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
