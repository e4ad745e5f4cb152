#include "scale.h"

#if defined(USE_WIDE) || defined(USE_ALL)
// Rows of 16 bytes.
using Row = Wide;
#endif

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
