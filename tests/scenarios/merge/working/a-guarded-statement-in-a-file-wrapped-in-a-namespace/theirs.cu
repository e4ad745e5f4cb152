#include <cuda.h>

namespace vllm {
void first(int n) {
  run(n, 1);
}

void second(int n) {
#if defined(__CUDA_ARCH__)
  wait(n);
#endif
}
}  // namespace vllm
