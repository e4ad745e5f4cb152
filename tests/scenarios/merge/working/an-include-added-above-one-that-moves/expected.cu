#pragma once

#include <vendor_blas.h>
#include <vendor_runtime.h>

#include <string>
#include <stdexcept>

#include "string.h"

int f(int  y);
