int f(int a, int c) {
  int x = V().mul(2)
      .add(c)
      .mul(3).v;
  return x;
}
