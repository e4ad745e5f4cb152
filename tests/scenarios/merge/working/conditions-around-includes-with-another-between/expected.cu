#pragma once

#include <memory>
#include <vector>

#include <vendor_fp16.h>
#ifndef USE_HIP
#include <vendor_bf16.h>
#include <vendor_fp8.h>
#else
#include <hip_bf16.h>
#endif
#include <vendor_runtime.h>

int f(int x);
