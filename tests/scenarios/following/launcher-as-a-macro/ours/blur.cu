#include "common.h"

void blur_small(Image& out, Image& in, int size, float weight);
void blur_large(Image& out, Image& in, int size, float weight);

void blur(Image& out, Image& in, int size, float weight) {
  check_same(out, in);
  (size < 128 ? blur_small : blur_large)(out, in, size, weight);
}
