static int scaled(int x, int y) { return x * 5 + y; }

int sum(int a, int b) {
  int x = scaled(a, b);
  return x;
}

int rest(int a, int b) {
  int x = a;
  x -= b;
  x ^= scaled(a, 4);
  return x;
}
