#include "scale.h"

int64_t rows_of(int width) {
  return limit / width;
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
