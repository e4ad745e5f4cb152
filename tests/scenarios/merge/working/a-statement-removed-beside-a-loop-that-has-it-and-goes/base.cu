static int pick(int a, int n) {
  int x = n;
  x = x * 3 + a;
  for (int i = 0; i < 2; ++i) {
    x ^= n;
    x = x * 3 + a;
  }
  x ^= n;
  return x;
}
