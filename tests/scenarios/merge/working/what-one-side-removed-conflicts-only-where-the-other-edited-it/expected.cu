#include <a.h>
<<<<<<< ours
||||||| base

__global__ void kernel_two(float* x) {
  x[0] = 2;
}
=======

__global__ void kernel_two(float* x) {
  x[0] = 20;
}
>>>>>>> theirs

#include "kernels.h"

void launch(float* x) {
  kernel_one<<<1, 1>>>(x);
}
