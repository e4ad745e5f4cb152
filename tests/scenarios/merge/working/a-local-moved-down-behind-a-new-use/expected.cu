int last(const int* in, int n, int c) {
  int x = in[0];
  x ^= 5;
  if (n > 1) {
    x += 2;
    x ^= bias;
    x *= n;
  }
  int bias = c + 3;
  x += bias;
  return x;
}
