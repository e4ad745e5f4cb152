#include "a.h"
#ifndef USE_ROCM
#include "cuda.h"
#endif
#include "c.h"

void b() {
  y();
}
