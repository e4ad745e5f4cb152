int f(int a, int b) {
  int x = 1;
  x ^= b;
  x = x * 3;
  if (b > 3) {
    x += 7;
    x *= 2;
  }
  x -= a;
  return x;
}
