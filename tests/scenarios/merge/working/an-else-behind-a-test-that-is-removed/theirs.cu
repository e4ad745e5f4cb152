int f(int x) {
  int y = g(x);
  if (y > 1) {
    y = h(y);
  } else {
    y = k(y);
  }
  return y;
}
