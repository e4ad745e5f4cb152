#include "common.h"

void blur_small(Image& out, Image& in, int size, float weight);
void blur_large(Image& out, Image& in, int size, float weight);
<<<<<<< HEAD
=======
template <typename T>
void old_blur(T* out, const T* in, int width) {
  for (long column = 0; column < width; ++column) {
    out[column] = in[column];
  }
}
>>>>>>> upstream

void blur(Image& out, Image& in, int size, float weight) {
  check_same(out, in);
  (size < 128 ? blur_small : blur_large)(out, in, size, weight);
}
