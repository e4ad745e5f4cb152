#include <a.h>

#include "kernels.h"

void launch(float* x) {
  kernel_one<<<1, 1>>>(x);
}
