int f(int x) {
  int y = g(x);
  trace(y);
  store(x);
  return x;
}
