int f(int x) {
  x += 2;
  x *= 8;
  x = g(x);
  return x;
}
