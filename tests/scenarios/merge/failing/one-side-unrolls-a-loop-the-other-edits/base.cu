void f(int* x) {
  for (int i = 0; i < 2; ++i) {
    g(x[i]);
  }
}
