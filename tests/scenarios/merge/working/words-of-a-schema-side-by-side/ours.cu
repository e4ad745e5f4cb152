#include "scale.h"

void bind(Library& ops) {
  ops.def("store(Tensor! out, Tensor scale, int rank, Tensor rows) -> ()", &store);
}

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
