#include "scale.h"

bool fits(int rows, int width) {
  return rows > 0 || is_any(width);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
