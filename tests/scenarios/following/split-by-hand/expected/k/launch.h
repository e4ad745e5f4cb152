#pragma once

#include "kernel.cuh"

#define LAUNCH(N) scale<<<blocks_of(n), N>>>(out, in, n)
