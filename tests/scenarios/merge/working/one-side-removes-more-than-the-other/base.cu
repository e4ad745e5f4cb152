#include "tile.h"

#define SHUFFLE(value, lane) shuffle(value, lane, kGroup, mask)

constexpr int kMissing = -1;

constexpr int kMaxThreads = 512;

void f(int* p) {
  p[0] = 1;
}
