#define SHARD_SMALL
#define SHARD_MEDIUM
#define SHARD_LARGE
#include <initializer_list>
#include "launcher.h"

int run(float scale, int head_size) { return launcher<float>(scale, head_size); }

int main() {
  int wrong = 0;
  for (int head_size : {32, 64, 96, 128, 192, 256}) wrong += run(1.0f, head_size) != head_size;
  std::printf("%d of 6 wrong\n", wrong);
}
