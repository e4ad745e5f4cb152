void f() {
  g(n, a, b, c, d, e);
}
