#include "common.h"
#ifndef USE_HIP
#include "common/common.h"
#endif

int f();
