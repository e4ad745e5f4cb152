static int scaled(int x, int y, int z) { return x * 5 + y + z; }

int sum(int a, int b) {
  int x = scaled(a, b, 1);
  return x;
}

int rest(int a, int b) {
  int x = a;
  x -= b;
  return x;
}
