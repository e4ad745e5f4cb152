int q(int x, int y = 1);
int f(int a) {
  int x = q(a, 1);
  return x;
}
