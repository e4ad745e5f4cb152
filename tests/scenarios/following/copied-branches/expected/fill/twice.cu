#include "kernel.cuh"

// Fills all of it.
// A copy: the other file has it, too.
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

void fill_twice(float* out, int n, Kind kind) {
  FILL_BY(kind, out, 2 * n)
}
