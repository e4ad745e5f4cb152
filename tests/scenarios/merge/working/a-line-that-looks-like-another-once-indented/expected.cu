#include "ops.h"
#include <torch/all.h>
namespace fork {

  template <typename V>
  void read(const V* in, int len, V&& op) {
    if (len % 4 == 0) {
      for (int i = 0; i < len; ++i) {
        V tmp = in[i];
      op(tmp);
      }
      return;
    }
    int rest = len & 3;
    in += rest;
    for (int i = 0; i < len - rest; ++i) {
      op(in[i]);
    }
  }

int added(int x) {
  return x + 1;
}
}  // namespace fork
