#include "scale.h"

void copy(float* out, const float* in, int n) {
  move(out, in, n + 1) * rows, stream);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
