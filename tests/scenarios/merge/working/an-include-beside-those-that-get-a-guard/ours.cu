#include <gemm.h>
#include <base.h>
#ifndef USE_HIP
#include <cublas.h>
#include <cuda.h>
#else
#include <hipblas.h>
#endif

#include "common.h"

int f();
