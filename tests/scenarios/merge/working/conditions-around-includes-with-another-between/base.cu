#pragma once

#include <memory>
#include <vendor_fp16.h>
#include <vendor_bf16.h>
#include <vendor_fp8.h>
#include <vendor_runtime.h>
#include <vector>

int f(int x);
