#pragma once

#include <vendor_blas.h>
#include <vendor_runtime.h>

#include <stdexcept>

#include "string.h"

int f(int  x);
