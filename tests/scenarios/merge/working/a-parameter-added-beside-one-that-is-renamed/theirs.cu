#include "scale.h"

void store(float* out, int rows, const float k_scale, const float scale) {
  write(out, rows);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
