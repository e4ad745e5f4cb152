#define SHARD_LARGE
#include "launcher.h"

int run_large(float scale, int head_size) { return launcher<float>(scale, head_size); }
