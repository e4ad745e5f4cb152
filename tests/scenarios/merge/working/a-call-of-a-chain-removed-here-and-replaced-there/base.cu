int f(int a, int c) {
  int x = V().add(1)
      .add(c)
      .mul(3).v;
  return x;
}
