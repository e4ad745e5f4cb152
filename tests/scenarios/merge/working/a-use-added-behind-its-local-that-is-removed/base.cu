int f(int x) {
  int y = g(x);
  store(x);
  return x;
}
