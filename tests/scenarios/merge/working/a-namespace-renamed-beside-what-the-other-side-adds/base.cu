#include "scale.h"

namespace wide {

int lanes(int width) {
  return width / 4;
}

}  // namespace wide

int rows(int width) {
  return wide::lanes(width) * 2;
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
