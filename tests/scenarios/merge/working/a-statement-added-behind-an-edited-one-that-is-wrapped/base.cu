void f(int c) {
  int x = 1;
  g(x, 1);
  h(x);
}
