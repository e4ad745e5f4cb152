void forward(Handle handle, int m, int n, const half* a, half* c) {
  OLD_CHECK(gemm(handle, m, n, a, KIND_16, c, KIND_16));
  OLD_CHECK(scale(handle, c, n));
  OLD_CHECK(gemm(handle, n, m, c, KIND_16, c, KIND_16));
  OLD_CHECK(set_math_mode(handle, PLAIN_MATH));
  OLD_CHECK(finish(handle));
}
