#include <gemm.h>

#include <cublas.h>
#include <cuda.h>
#include <cstdint>

#include <base.h>
#include "common.h"

int f();
