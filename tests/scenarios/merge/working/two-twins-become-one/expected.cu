<<<<<<< ours
||||||| base
static inline float apply_fwd(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i] * 2;
  return s;
}
=======
static __device__ inline float apply_fwd(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i] * 2;
  return s;
}
>>>>>>> theirs
static inline float apply_grad(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i] * 2;
  return s;
}
