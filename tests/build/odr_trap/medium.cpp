#define SHARD_MEDIUM
#include "launcher.h"

int run_medium(float scale, int head_size) { return launcher<float>(scale, head_size); }
