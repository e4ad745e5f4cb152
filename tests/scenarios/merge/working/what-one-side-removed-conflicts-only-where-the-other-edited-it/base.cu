#include <a.h>

__global__ void kernel_one(float* x) {
  x[0] = 1;
}

__global__ void kernel_two(float* x) {
  x[0] = 2;
}

__global__ void kernel_three(float* x) {
  x[0] = 3;
}

void launch(float* x) {
  kernel_one<<<1, 1>>>(x);
}
