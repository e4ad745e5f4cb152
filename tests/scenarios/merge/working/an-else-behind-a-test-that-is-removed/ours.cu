int f(int x) {
  int y = g(x);
  return y;
}
