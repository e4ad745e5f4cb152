#include "ops.h"
#include <torch/all.h>
#if defined(SPLIT)

  void int8_mm(int a);

  TORCH_LIBRARY(ops, m) {
    m.def("int8_mm", &int8_mm);
  }

  REGISTER_EXTENSION(ops)
#endif  // SPLIT
