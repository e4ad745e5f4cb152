#include <torch/all.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>

#include <cuda_runtime.h>
#include <cuda_fp16.h>
#include <cuda_bf16.h>

#include <stdexcept>
#include <algorithm>
#include <type_traits>

#include "../cuda_compat.h"

// Fixture of mergeguard: the switch over N stands inside a function-local
// macro, which the host function expands twice.

#if defined(__GFX11__) || defined(__GFX12__)
  #define __HIP__GFX1X__
#endif

#define LDS_SIZE 64 * 1024

static constexpr int get_lds_size_int4() { return 64 * 1024; }

#define UNREACHABLE_CODE throw std::logic_error("no kernel for this device");

template <typename T>
__device__ __forceinline__ float __s2float(T v);

template <>
__device__ __forceinline__ float __s2float(half v) {
  return __half2float(v);
}

template <>
__device__ __forceinline__ float __s2float(__hip_bfloat16 v) {
  return __bfloat162float(v);
}

template <typename T>
__device__ __forceinline__ T __float2s(float v);

template <>
__device__ __forceinline__ half __float2s(float v) {
  return __float2half(v);
}

template <>
__device__ __forceinline__ __hip_bfloat16 __float2s(float v) {
  return __float2bfloat16(v);
}

template <typename T>
struct scalar {};

template <>
struct scalar<c10::Half> {
  using type = half;
};

template <>
struct scalar<c10::BFloat16> {
  using type = __hip_bfloat16;
};

[[maybe_unused]] constexpr int SYMMETRIC_ZERO = 8;

// The k-th weight of a row, two to a byte.
__device__ inline int nibble(const uint8_t* row, const int k) {
  return k % 2 ? row[k / 2] >> 4 : row[k / 2] & 0xF;
}

#if defined(__HIP__GFX1X__)
template <typename scalar_t, int THRDS, int YTILE, int WvPrGrp, int A_CHUNK,
          int UNRL, int N, int GROUP_SIZE, bool HAS_ZERO_POINTS>
__global__ void __launch_bounds__(WvPrGrp* THRDS)
    wvSplitK_int4_hf_sml_(const int K, const int M, const uint8_t* B,
                          const scalar_t* __restrict__ A,
                          const scalar_t* __restrict__ scale,
                          const uint32_t* __restrict__ zero_points,
                          scalar_t* C, const int _WvPrGrp, const int CuCount) {
  if (threadIdx.x != 0 || threadIdx.y >= unsigned(_WvPrGrp)) return;
  const int groups = K / GROUP_SIZE;
  for (int m = blockIdx.x * _WvPrGrp + threadIdx.y; m < M;
       m += CuCount * _WvPrGrp) {
    for (int n = 0; n < N; n++) {
      float sum = 0;
      for (int k = 0; k < K; k++) {
        const int group = k / GROUP_SIZE;
        int zero = SYMMETRIC_ZERO;
        if constexpr (HAS_ZERO_POINTS)
          zero = (zero_points[(m / 8) * groups + group] >> (4 * (m % 8))) & 0xF;
        sum += (nibble(B + m * K / 2, k) - zero) *
               __s2float(scale[m * groups + group]) * __s2float(A[n * K + k]);
      }
      C[n * M + m] = __float2s<scalar_t>(sum + N + YTILE * 4 + UNRL);
    }
  }
}
#else   // !defined(__HIP__GFX1X__)
template <typename scalar_t, int THRDS, int YTILE, int WvPrGrp, int A_CHUNK,
          int UNRL, int N, int GROUP_SIZE, bool HAS_ZERO_POINTS>
__global__ void wvSplitK_int4_hf_sml_(const int K, const int M,
                                      const uint8_t* B,
                                      const scalar_t* __restrict__ A,
                                      const scalar_t* __restrict__ scale,
                                      const uint32_t* __restrict__ zero_points,
                                      scalar_t* C, const int _WvPrGrp,
                                      const int CuCount) {
  UNREACHABLE_CODE
}
#endif  // defined(__HIP__GFX1X__)

#if defined(__HIP__GFX1X__)
template <typename scalar_t, int THRDS, int YTILE, int WvPrGrp, int A_CHUNK,
          int UNRL, int N, int GROUP_SIZE, bool HAS_ZERO_POINTS>
__global__ void __launch_bounds__(WvPrGrp* THRDS)
    wvSplitK_int4_hf_(const int K, const int M, const uint8_t* B,
                      const scalar_t* __restrict__ A,
                      const scalar_t* __restrict__ scale,
                      const uint32_t* __restrict__ zero_points, scalar_t* C,
                      const int _WvPrGrp, const int CuCount) {
  if (threadIdx.x == 0 && threadIdx.y == 0 && blockIdx.x == 0)
    for (int i = 0; i < M * N; i++)
      C[i] = __float2s<scalar_t>(float(i % 5) - N - YTILE);
}
#else   // !defined(__HIP__GFX1X__)
template <typename scalar_t, int THRDS, int YTILE, int WvPrGrp, int A_CHUNK,
          int UNRL, int N, int GROUP_SIZE, bool HAS_ZERO_POINTS>
__global__ void wvSplitK_int4_hf_(const int K, const int M, const uint8_t* B,
                                  const scalar_t* __restrict__ A,
                                  const scalar_t* __restrict__ scale,
                                  const uint32_t* __restrict__ zero_points,
                                  scalar_t* C, const int _WvPrGrp,
                                  const int CuCount) {
  UNREACHABLE_CODE
}
#endif  // defined(__HIP__GFX1X__)

static int mindiv_int4(int N, int div1, int div2) {
  const int rounds = (N + div1 * div2 - 1) / (div1 * div2);
  int waves = div2;
  while (waves > 1 && (N + div1 * (waves - 1) - 1) / (div1 * (waves - 1)) == rounds)
    waves--;
  return waves;
}

// in_a: two weights a byte, [M, K/2]; in_b: activations [N, K]
// in_scale: [M, K/group_size]; in_zero_points: eight to a word,
//   [M/8, K/group_size]; absent means a zero point of 8
torch::Tensor wvSplitK_int4_g(const at::Tensor& in_a, const at::Tensor& in_b,
                              const at::Tensor& in_scale,
                              const std::optional<at::Tensor>& in_zero_points,
                              const std::optional<at::Tensor>& in_bias,
                              const int64_t CuCount, const int64_t group_size) {
  auto M_in = in_a.size(0);
  auto K_in = in_b.size(1);
  auto N_in = in_b.size(0);

  TORCH_CHECK(group_size == 32 || group_size == 64,
              "group_size must be 32 or 64, got ", group_size);
  TORCH_CHECK(K_in % group_size == 0,
              "K must be divisible by group_size=", group_size);
  TORCH_CHECK(in_scale.size(0) == M_in && in_scale.size(1) == K_in / group_size,
              "unexpected scale shape ", in_scale.sizes());

  const int max_lds_len = get_lds_size_int4() / 2;
  const at::cuda::OptionalCUDAGuard device_guard(device_of(in_a));
  const cudaStream_t stream = at::cuda::getCurrentCUDAStream();

  auto out_c = torch::empty(
      {N_in, M_in},
      torch::TensorOptions().dtype(in_b.dtype()).device(in_b.device()));

  dim3 grid(CuCount);

// _HAS_ZP selects the kernels with zero points.
#define WVSPLITK_INT4G_LAUNCH(_THRDS, _YTILE, _UNRL, _N, _GS, _HAS_ZP)      \
  {                                                                         \
    dim3 block(_THRDS, 16);                                                 \
    int __wvPrGrp = mindiv_int4(M_in, CuCount * _YTILE, 16);                \
    if (K_in * N_in <= max_lds_len && M_in % _YTILE == 0)                   \
      wvSplitK_int4_hf_sml_<fptype, _THRDS, _YTILE, 16, 16, _UNRL, _N, _GS, \
                            _HAS_ZP><<<grid, block, 0, stream>>>(           \
          K_in, M_in, wptr, aptr, sptr, zpptr, cptr, __wvPrGrp, CuCount);   \
    else                                                                    \
      wvSplitK_int4_hf_<fptype, _THRDS, _YTILE, 16, 16, _UNRL, _N, _GS,     \
                        _HAS_ZP><<<grid, block, 0, stream>>>(               \
          K_in, M_in, wptr, aptr, sptr, zpptr, cptr, __wvPrGrp, CuCount);   \
  }

#define WVSPLIT_INT4G_GS(_YTILE, _UNRL, _N, _HAS_ZP)                \
  if (group_size == 32)                                             \
    WVSPLITK_INT4G_LAUNCH(32, _YTILE, _UNRL, _N, 32, _HAS_ZP)       \
  else                                                              \
    WVSPLITK_INT4G_LAUNCH(32, _YTILE, _UNRL, _N, 64, _HAS_ZP)

#define WVSPLIT_INT4G_TILE(_sYT, __N, _HAS_ZP)  \
  {                                             \
    if (__N >= 4 && _sYT >= 480)                \
      WVSPLIT_INT4G_GS(4, 1, __N, _HAS_ZP)      \
    else if (__N >= 2)                          \
      WVSPLIT_INT4G_GS(2, 2, __N, _HAS_ZP)      \
    else                                        \
      /* one row: no reuse to tile for */       \
      WVSPLIT_INT4G_GS(1, 4, __N, _HAS_ZP)      \
  }

// Shared by the symmetric and the asymmetric path
#define WVSPLIT_INT4G_DISPATCH(_HAS_ZP)                    \
  {                                                        \
    int sYT = (M_in + CuCount * 4 - 1) / (CuCount * 4);    \
    switch (N_in) {                                        \
      case 1:                                              \
        WVSPLIT_INT4G_TILE(sYT, 1, _HAS_ZP) break;         \
      case 2:                                              \
        WVSPLIT_INT4G_TILE(sYT, 2, _HAS_ZP) break;         \
      case 3:                                              \
        WVSPLIT_INT4G_TILE(sYT, 3, _HAS_ZP) break;         \
      case 4:                                              \
        WVSPLIT_INT4G_TILE(sYT, 4, _HAS_ZP) break;         \
      case 5:                                              \
        WVSPLIT_INT4G_TILE(sYT, 5, _HAS_ZP) break;         \
      default:                                             \
        throw std::runtime_error("Unsupported N value: " + \
                                 std::to_string(N_in));    \
    }                                                      \
  }

  AT_DISPATCH_REDUCED_FLOATING_TYPES(
      in_b.scalar_type(), "wvSplitK_int4_g", [&] {
        using fptype = typename scalar<scalar_t>::type;
        const uint8_t* wptr = reinterpret_cast<const uint8_t*>(in_a.data_ptr());
        const fptype* aptr = reinterpret_cast<const fptype*>(in_b.data_ptr());
        const fptype* sptr =
            reinterpret_cast<const fptype*>(in_scale.data_ptr());
        const uint32_t* zpptr =
            in_zero_points.has_value()
                ? reinterpret_cast<const uint32_t*>(in_zero_points->data_ptr())
                : nullptr;
        fptype* cptr = reinterpret_cast<fptype*>(out_c.data_ptr());

        if (in_zero_points.has_value())
          WVSPLIT_INT4G_DISPATCH(true)
        else
          WVSPLIT_INT4G_DISPATCH(false)
      });

#undef WVSPLITK_INT4G_LAUNCH
#undef WVSPLIT_INT4G_GS
#undef WVSPLIT_INT4G_TILE
#undef WVSPLIT_INT4G_DISPATCH

  return out_c;
}

// One expert's weights out of [E, M, K/2]; here the switch over N stands in
// the dispatch lambda itself.
torch::Tensor fused_moe_wvSplitK_int4_gemm(const at::Tensor& in_a,
                                           const at::Tensor& in_b,
                                           const at::Tensor& in_scale,
                                           const int64_t expert,
                                           const int64_t CuCount,
                                           const int64_t group_size) {
  auto M_in = in_a.size(1);
  auto K_in = in_b.size(1);
  auto N_in = in_b.size(0);

  TORCH_CHECK(group_size == 32, "group_size must be 32, got ", group_size);
  TORCH_CHECK(expert < in_a.size(0), "no expert ", expert);

  const at::cuda::OptionalCUDAGuard device_guard(device_of(in_a));
  const cudaStream_t stream = at::cuda::getCurrentCUDAStream();

  auto out_c = torch::empty(
      {N_in, M_in},
      torch::TensorOptions().dtype(in_b.dtype()).device(in_b.device()));

  dim3 grid(CuCount);

#define FUSED_MOE_INT4G(_YTILE, _N)                                           \
  {                                                                           \
    dim3 block(32, 16);                                                       \
    int __wvPrGrp = mindiv_int4(M_in, CuCount * _YTILE, 16);                  \
    wvSplitK_int4_hf_sml_<fptype, 32, _YTILE, 16, 16, 1, _N, 32, false>       \
        <<<grid, block, 0, stream>>>(K_in, M_in, wptr, aptr, sptr, zpptr,     \
                                     cptr, __wvPrGrp, CuCount);               \
  }

  AT_DISPATCH_REDUCED_FLOATING_TYPES(
      in_b.scalar_type(), "fused_moe_wvSplitK_int4_gemm", [&] {
        using fptype = typename scalar<scalar_t>::type;
        const uint8_t* wptr = reinterpret_cast<const uint8_t*>(in_a.data_ptr()) +
                              expert * M_in * K_in / 2;
        const fptype* aptr = reinterpret_cast<const fptype*>(in_b.data_ptr());
        const fptype* sptr =
            reinterpret_cast<const fptype*>(in_scale.data_ptr());
        const uint32_t* zpptr = nullptr;
        fptype* cptr = reinterpret_cast<fptype*>(out_c.data_ptr());

        switch (N_in) {
          case 1:
            FUSED_MOE_INT4G(1, 1)
            break;
          case 2:
            FUSED_MOE_INT4G(2, 2)
            break;
          case 3:
            FUSED_MOE_INT4G(2, 3)
            break;
          case 4:
            FUSED_MOE_INT4G(4, 4)
            break;
          case 5:
            FUSED_MOE_INT4G(4, 5)
            break;
          default:
            throw std::runtime_error("Unsupported N value: " +
                                     std::to_string(N_in));
        }
      });

#undef FUSED_MOE_INT4G

  return out_c;
}
