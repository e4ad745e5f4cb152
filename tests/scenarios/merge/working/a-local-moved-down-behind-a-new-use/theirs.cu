int last(const int* in, int n, int c) {
  int x = in[0];
  int bias = c + 3;
  x ^= 5;
  if (n > 1) {
    x += 2;
    x ^= bias;
    x *= n;
  }
  x += bias;
  return x;
}
