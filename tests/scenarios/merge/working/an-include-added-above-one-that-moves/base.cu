#pragma once

#include <stdexcept>

#include <vendor_blas.h>
#include <vendor_runtime.h>

#include "string.h"

int f(int x);
