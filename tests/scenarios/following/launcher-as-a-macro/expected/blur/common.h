#pragma once

#include "../common.h"

#define TILES(n, size) (((n) + (size) - 1) / (size))

template <typename T, int SIZE>
__global__ void blur_kernel(T* out, const T* in, int width, float weight) {
  const int column = blockIdx.x * SIZE + threadIdx.x;
  if (column < width) {
    out[column] = in[column] * weight;
  }
}

// What each shard's launcher begins with.
#define BLUR_PREAMBLE                            \
  int width = in.width();                        \
  if (width == 0) return;                        \
  T* out_pointer = out.pointer<T>();             \
  const T* in_pointer = in.pointer<T>();         \
                                                 \
  dim3 grid(TILES(width, size));                 \
  dim3 block(size, 1);                           \
  const Stream stream = current_stream();
