#include <gemm.h>

#include <cublas.h>
#include <cuda.h>

#include <base.h>
#include "common.h"

int f();
