#include <ATen/ATen.h>

#include "lib/utils.h"
#include "lib/dispatch.h"

int f();
