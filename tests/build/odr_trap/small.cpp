#define SHARD_SMALL
#include "launcher.h"

int run_small(float scale, int head_size) { return launcher<float>(scale, head_size); }
