#include "scale.h"

#if defined(USE_WIDE) && ARCH_MINIMUM >= 90
void wide(float* out) {
  write(out, 4);
}
#endif

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
