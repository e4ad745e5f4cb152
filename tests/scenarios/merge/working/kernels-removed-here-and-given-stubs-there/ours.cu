#include "a.h"

#if USE_ROCM
template <typename T>
__global__ void k1(T* x) {
  x[0] = 1;
  x[1] = 2;
}
#else
template <typename T>
__global__ void k1(T* x) {}
#endif

#if USE_ROCM
template <typename T>
__global__ void k2(T* x) {
  x[0] = 3;
  x[1] = 4;
}
#else
template <typename T>
__global__ void k2(T* x) {}
#endif

void other() {
  run();
}
