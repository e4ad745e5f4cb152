int f(int a, int b) {
  int x = g(a) + limit + b + a;
  return x;
}
