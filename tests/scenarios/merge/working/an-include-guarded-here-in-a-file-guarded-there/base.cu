#include "common.h"
#include "common/common.h"

int f();
