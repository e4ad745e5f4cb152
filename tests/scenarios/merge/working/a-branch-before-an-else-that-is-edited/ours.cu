#include "ops.h"
#include <torch/all.h>

#if defined(__GFX9__)
int wave() { return 64; }
#elif defined(__GFX12__)
int wave() { return 16; }
#else
int wave() {
  int lanes = 32;
  return lanes;
}
#endif
