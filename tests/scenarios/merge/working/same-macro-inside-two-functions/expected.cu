#include "ops.h"
#include <torch/all.h>

int first(int x) {
#define TILE 8
  return x + TILE;
}

int between(int x) {
  return x - 1;
}

int second(int x) {
#define TILE 16
  return x + 1;
}
