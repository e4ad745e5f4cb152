#include <cstdint>
#include "common.h"

#if defined(FAST)
  #define WIDTH 64
#endif

// Rounds up to whole blocks.
int blocks_of(int n) {
  return (n + WIDTH - 1) / WIDTH;
}

#if defined(FAST)
__global__ void scale(float* out, const float* in, int n) {
  int at = threadIdx.x + blockIdx.x * WIDTH;
  if (at < n) {
    out[at] = in[at] * 2;
  }
}
#endif

// Nobody calls it.
void unused(float* out) {
  for (int at = 0; at < WIDTH; ++at) {
    out[at] = 0;
  }
}

#define LAUNCH(N) scale<<<blocks_of(n), N>>>(out, in, n)

void run(float* out, const float* in, int n) {
  check_pointer(out);
  check_pointer(in);
  LAUNCH(64);
}
