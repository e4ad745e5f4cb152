#include "a.h"
<<<<<<< ours
#ifndef USE_ROCM
#include "cuda.h"
#endif
||||||| base
#include "cuda.h"
=======
#include "gpu.h"
>>>>>>> theirs
#include "c.h"

void b() {
  y();
}
