int f(int x, int b, int c) {
  if (x % 2 == 0) {
    x = x + p[x & 7];
  } else {
    b = b + c;
  }
  return x + b;
}
