int f(int x) {
  x = g(x);
  x += 2;
  return x;
}
