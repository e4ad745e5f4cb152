void forward(Handle handle, int m, int n, const half* a, half* c) {
  OLD_CHECK(gemm_ex(handle, m, n, a, KIND_16, c, KIND_16));
  scale(c, n);
  OLD_CHECK(gemm_ex(handle, n, m, c, KIND_16, c, KIND_16));
  OLD_CHECK(finish(handle));
}
