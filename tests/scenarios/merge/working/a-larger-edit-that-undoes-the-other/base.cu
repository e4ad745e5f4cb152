void launch(Handle handle, int m, int n, const half* a, half* c) {
  char layout{'n'};
  OLD_CHECK(gemm(handle, m, n, a, KIND_16, c, KIND_16));
  store(c, n);
}
