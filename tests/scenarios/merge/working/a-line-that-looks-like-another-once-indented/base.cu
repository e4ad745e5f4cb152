#include "ops.h"
#include <torch/all.h>

template <typename V>
void read(const V* in, int len, V&& op) {
  if (len % 4 == 0) {
    for (int i = 0; i < len; ++i) {
      op(in[i]);
    }
    return;
  }
  int rest = len & 3;
  in += rest;
  for (int i = 0; i < len - rest; ++i) {
    op(in[i]);
  }
}
