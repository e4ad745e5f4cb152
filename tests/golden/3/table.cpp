#include <cstdio>

namespace app {
static int served = 0;
static int note(int x) { ++served; return x; }

template <int Kind> int kernel(int& x) { return x *= Kind; }

static int look(int key, int& x) {
  const int kind = key % 3;
  switch (kind) {
    case 1: return kernel<1>(x) + note(x);
    case 2: return kernel<2>(x);
    default: return -1;
  }
}

int first(int key, int x) { return look(key, x); }
int again(int key, int x) { return look(key + 1, x) + served; }
}  // namespace app
