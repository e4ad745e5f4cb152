#include <cstdio>
#include <initializer_list>

int run_small(float, int);
int run_medium(float, int);
int run_large(float, int);

int run(float scale, int head_size) {
  if (head_size <= 64) return run_small(scale, head_size);
  if (head_size <= 128) return run_medium(scale, head_size);
  return run_large(scale, head_size);
}

int main() {
  int wrong = 0;
  for (int head_size : {32, 64, 96, 128, 192, 256}) wrong += run(1.0f, head_size) != head_size;
  std::printf("%d of 6 wrong\n", wrong);
}
