#include <ATen/ATen.h>

#include "lib/dispatch.h"

int f();
