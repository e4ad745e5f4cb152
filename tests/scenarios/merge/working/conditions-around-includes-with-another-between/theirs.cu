#pragma once

#include <memory>
#include <vector>

#include <vendor_bf16.h>
#include <vendor_fp16.h>
#include <vendor_fp8.h>
#include <vendor_runtime.h>

int f(int x);
