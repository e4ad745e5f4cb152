#include "ops.h"
#include <torch/all.h>

int a(int x) {
  return x + 1;
}

int new(int x) {
  return x - 7;
}

int b(int x) {
  return x * 2;
}

int c(int x) {
  return x * 3;
}
