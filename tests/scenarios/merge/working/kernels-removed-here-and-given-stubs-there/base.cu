#include "a.h"

template <typename T>
__global__ void k1(T* x) {
  x[0] = 1;
  x[1] = 2;
}

template <typename T>
__global__ void k2(T* x) {
  x[0] = 3;
  x[1] = 4;
}

void other() {
  run();
}
