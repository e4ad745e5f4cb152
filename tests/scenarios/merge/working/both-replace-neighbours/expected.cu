#include "marlin.cuh"
#include "marlin_types.cuh"

int a(int x) {
  return x + 1;
}
