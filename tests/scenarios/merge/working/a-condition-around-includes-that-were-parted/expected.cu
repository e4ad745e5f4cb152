/* Copyright 2022, B. */

<<<<<<< ours
#ifndef USE_HIP
#include <vendor_bf16.h>
#include <vendor_runtime.h>
#else
#include <hip_runtime.h>
#endif
||||||| base
#include <vendor_bf16.h>
#include <vendor_runtime.h>
=======
>>>>>>> theirs
#include <cmath>
#include <cstring>
#include <vendor_bf16.h>
#include "common.h"
#include <vendor_runtime.h>

int f(int x) { return x; }
