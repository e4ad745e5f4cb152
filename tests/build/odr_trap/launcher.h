// The trap, in a hand-made split: every shard includes this body with other arms in force, and all of them
// define one and the same weak function.
#pragma once
#include <cstdio>

template <typename T>
__attribute__((noinline)) int launcher(T scale, int head_size) {
  switch (head_size) {
#ifdef SHARD_SMALL
    case 32: return static_cast<int>(scale * 32);
    case 64: return static_cast<int>(scale * 64);
#endif
#ifdef SHARD_MEDIUM
    case 96: return static_cast<int>(scale * 96);
    case 128: return static_cast<int>(scale * 128);
#endif
#ifdef SHARD_LARGE
    case 192: return static_cast<int>(scale * 192);
    case 256: return static_cast<int>(scale * 256);
#endif
    default: std::printf("unsupported head size %d\n", head_size); return -1;
  }
}
