// Computes it.
static __noinline__ inline float reduce_sum_fwd(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i];
  return s;
}
<<<<<<< ours
||||||| base

// Computes it.
static inline float reduce_sum_bwd(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i];
  return s;
}
=======

// Computes it.
static inline float reduce_sum_bwd(const float* x, int n) {
  float s = 1;
  for (int i = 0; i < n; ++i) s += x[i];
  return s;
}
>>>>>>> theirs
