#include "ops.h"
#include <torch/all.h>

int b(int x) {
  return x * 2;
}

int a(int x) {
  return x + 1;
}

int new(int x) {
  return x - 7;
}

int c(int x) {
  return x * 3;
}
