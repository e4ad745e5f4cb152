#include "scale.h"

bool fits(int rows, int width) {
  if (is_ready(rows) && !empty) {
    begin(rows);
  }
  return rows > 0;
}

#if defined(USE_WIDE)
void wide(float* out);
#endif

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
