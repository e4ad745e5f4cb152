int f(int x, int b, int c) {
  if (!(b < 5)) {
    x ^= c;
    b = b + c;
  } else {
    x ^= c;
  }
  return x + b;
}
