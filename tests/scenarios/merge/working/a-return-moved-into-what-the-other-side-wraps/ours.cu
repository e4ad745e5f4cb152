int f(int a, int x) {
  start();
  if (a > 1) {
    x += 3;
    for (int i = 0; i < 3; ++i) {
      x = x * 3 + i;
    }
  }
  return x + a;
}
