#include "ops.h"
#include <torch/all.h>

template <typename T>
T dot(T a, T b) {
  return a * b;
}

int user(int x) {
  return dot<int>(x, 2);
}
