#include "scale.h"

bool fits(int rows, int width) {
  return rows > 0 && width > 0;
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
