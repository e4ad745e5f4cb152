#include <cstdio>

namespace app {
namespace detail {
template <int Width> int kernel(int x) { return x * Width; }
}  // namespace detail
using detail::kernel;

int offset() { return 3; }

namespace {
int choose(int width, int x) {
  switch (width) {
    case 1: return kernel<1>(x) + offset();
    case 2: return detail::kernel<2>(x);
    default: return -1;
  }
}
}  // namespace

int sum(int width, int x) { return choose(width, x); }

template <typename T> T scaled(T value) { return 2 * value; }
template int scaled<int>(int value);
template float scaled<float>(float value);
}  // namespace app
