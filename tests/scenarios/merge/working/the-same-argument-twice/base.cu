void f() {
  g(a, b, c, d, e);
}
