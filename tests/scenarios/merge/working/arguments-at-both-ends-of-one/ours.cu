int q(int x, int y = 1);
int f(int a) {
  int x = q(4, a);
  return x;
}
