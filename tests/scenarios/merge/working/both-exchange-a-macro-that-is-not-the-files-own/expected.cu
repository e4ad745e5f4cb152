void forward(Handle handle, int m, int n, const half* a, half* c) {
  // NEW_CHECK(set_math_mode(handle, FAST_MATH));
  NEW_CHECK(gemm_ex(handle, m, n, a, kind_16_r, c, kind_16_r));
  scale(c, n);
  NEW_CHECK(gemm_ex(handle, n, m, c, kind_16_r, c, kind_16_r));
  // NEW_CHECK(set_math_mode(handle, PLAIN_MATH));
}
