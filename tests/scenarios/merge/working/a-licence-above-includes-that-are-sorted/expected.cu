/*
 * Copyright (c) the authors.
 */

#include <arch.h>
#include <cuda.h>
#include <torch/all.h>

int arch(int x) {
  return x + 1;
}
