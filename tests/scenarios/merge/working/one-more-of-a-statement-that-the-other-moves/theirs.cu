int f(int x, int b, int c) {
  if (!(x % 2 == 0)) {
    b = b + c;
  } else {
    x = x + p[x & 7];
  }
  return x + b;
}
