#include "tile.h"

constexpr int kMissing = -1;

void f(int* p) {
  p[0] = 1;
}
