#if CUDA_VERSION >= 11000
#include <cuda_bf16.h>
#endif

namespace cfg {
constexpr int kWarps = 4;
constexpr int kStages = 2;
}  // namespace cfg

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define HAS_CP_ASYNC 1
#else
#define HAS_CP_ASYNC 0
#endif

__device__ void copy(float* dst, const float* src) {
  cp_async(dst, src);
<<<<<<< ours
||||||| base
#else
  *dst = *src;
#endif
=======
#else
  *dst = __ldg(src);
#endif
>>>>>>> theirs
}
