#include "scale.h"

bool fits(int rows, int width) {
  if (is_ready(rows) && !empty && is_even(width)) {
    begin(rows);
  }
  return rows > 0 && is_even(width);
}

#if defined(USE_WIDE) || defined(USE_TILES)
void wide(float* out);
#endif

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
