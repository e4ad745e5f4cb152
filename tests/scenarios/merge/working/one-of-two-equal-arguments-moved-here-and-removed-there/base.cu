int f(int a, int b) {
  return h(a, 2, p[b], 2);
}
