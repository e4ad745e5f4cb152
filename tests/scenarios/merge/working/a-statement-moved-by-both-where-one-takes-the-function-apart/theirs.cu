void part(int& x, int a, int b) {
  x = x * 3;
  if (b > 3) {
    x += 7;
    x ^= b;
    x *= 2;
  }
}
int f(int a, int b) {
  int x = 1;
  part(x, a, b);
  x -= a;
  return x;
}
