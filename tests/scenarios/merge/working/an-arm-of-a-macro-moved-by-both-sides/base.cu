int pick(int n, int x) {
  switch (n) {
    ARM(1, 8, x)
    ARM(2, 16, x)
    ARM(3, 24, x)
    ARM(4, 32, x)
    default: break;
  }
  return x;
}
