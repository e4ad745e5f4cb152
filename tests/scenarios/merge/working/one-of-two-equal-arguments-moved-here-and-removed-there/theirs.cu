int f(int a, int b) {
  return h(2, a, 2, p[b]);
}
