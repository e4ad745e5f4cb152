#include "common.h"

__global__ void fill_kernel(float* out, int n) {
  if (threadIdx.x < n) {
    out[threadIdx.x] = 1.0f;
  }
}

// Fills all of it.
#if defined(WIDE) && !defined(OLD)
  #define FILL_BY(kind, out, n)                  \
    if (is_wide(kind)) {                         \
      fill_kernel<<<1, 1024>>>(out, n);          \
    } else {                                     \
      fill_kernel<<<1, 256, 0, 0>>>(out, n);     \
    }
#else
  #define FILL_BY(kind, out, n)                  \
    if (is_wide(kind)) {                         \
      fail("not wide");                          \
    } else {                                     \
      fill_kernel<<<1, 256, 0, 0>>>(out, n);     \
    }
#endif

void fill(float* out, int n, Kind kind) {
  if (kind == Kind::Some) {
    FILL_BY(kind, out, n)
  } else {
    FILL_BY(kind, out, 2 * n)
  }
}
