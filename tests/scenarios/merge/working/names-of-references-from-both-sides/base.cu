#include "scale.h"

template <typename T>
void take(T);

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
