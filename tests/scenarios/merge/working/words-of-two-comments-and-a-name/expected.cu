#include "scale.h"

// Sets how many rows there are.
size_t limit = 8;

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
