#include "tile.h"

void f(int* p) {
  p[0] = 1;
}
