#include "ops.h"
#include <torch/all.h>
#if defined(SPLIT)

  void int8_mm(int a);

void int8_mm_azp(int a, int b);

  TORCH_LIBRARY(ops, m) {
    m.def("int8_mm", &int8_mm);
  m.def("int8_mm_azp", &int8_mm_azp);
  }

  REGISTER_EXTENSION(ops)
#endif  // SPLIT
