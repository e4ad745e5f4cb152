void f(int c) {
  int x = 1;
  g(x, 2);
  k(x);
  h(x);
}
