#include <ATen/ATen.h>

#include "codegen/common.h"
#include "lib/dispatch.h"

int f();
