int f(int x, int b, int c) {
  if (b < 5) {
    x ^= c;
  } else {
    x ^= c;
    b = b + c;
  }
  b = b + c;
  return x + b;
}
