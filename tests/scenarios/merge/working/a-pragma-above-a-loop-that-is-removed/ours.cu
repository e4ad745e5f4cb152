int f(int x) {
  prepare(x);
#pragma unroll 2
  for (int i = 0; i < x; ++i) {
    g(i);
  }
  return 0;
}
