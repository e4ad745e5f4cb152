int f(int a, int b) {
  int x = g(a) + b + a;
  return x;
}
