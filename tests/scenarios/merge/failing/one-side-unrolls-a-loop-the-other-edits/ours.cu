void f(int* x) {
  g(x[0]);
  g(x[1]);
}
