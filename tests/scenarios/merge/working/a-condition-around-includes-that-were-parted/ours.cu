/* Copyright 2022, B. */

#ifndef USE_HIP
#include <vendor_bf16.h>
#include <vendor_runtime.h>
#else
#include <hip_runtime.h>
#endif
#include <cmath>
#include <cstring>
#include "common.h"

int f(int x) { return x; }
