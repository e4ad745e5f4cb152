#include <cuda.h>

namespace inner {
  namespace vllm {
  void first(int n) {
    run(n, 1);
  }
  }  // namespace vllm
}  // namespace inner
