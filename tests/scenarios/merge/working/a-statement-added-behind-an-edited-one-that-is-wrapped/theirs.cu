void f(int c) {
  int x = 1;
  if (c) {
    g(x, 1);
  }
  h(x);
}
