/* Copyright 2022, B. */

#ifndef USE_HIP
#include <vendor_bf16.h>
#endif  // USE_HIP
#include <vendor_runtime.h>
#include <cmath>
#include <cstring>
#include "common.h"

int f(int x) { return x; }
