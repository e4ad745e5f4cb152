int f(int a, int c) {
  int x = V().add(c)
      .mul(3).v;
  return x;
}
