#include "scale.h"

void fill(int n) {
#ifndef USE_WIDE
  begin(n);
#endif
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
