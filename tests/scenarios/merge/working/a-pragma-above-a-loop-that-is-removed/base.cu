int f(int x) {
  prepare(x);
  for (int i = 0; i < x; ++i) {
    g(i);
  }
  return 0;
}
