/* Copyright 2022, B. */

#include <cmath>
#include <cstring>

#ifndef USE_HIP
#include <vendor_bf16.h>
#endif  // USE_HIP
#include <vendor_runtime.h>

#include "common.h"

int f(int x) { return x; }
