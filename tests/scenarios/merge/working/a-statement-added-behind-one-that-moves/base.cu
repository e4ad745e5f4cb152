int f(int x) {
  x += 2;
  x = g(x);
  return x;
}
