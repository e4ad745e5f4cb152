#include <gemm.h>
#include <base.h>
#ifndef USE_HIP
#include <cublas.h>
#include <cuda.h>
<<<<<<< ours
#else
#include <hipblas.h>
#endif
||||||| base
=======
#include <cstdint>
>>>>>>> theirs

#include "common.h"

int f();
