int f(int a, int b) {
  int x = limit + g(a) + b + a;
  return x;
}
