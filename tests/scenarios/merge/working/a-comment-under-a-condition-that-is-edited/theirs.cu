#include "scale.h"

#if defined(USE_WIDE) || defined(USE_ALL)
// Wide rows.
using Row = Wide;
#endif

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
