static int scaled(int x, int y, int z) { return x * 5 + y + z; }

int sum(int a, int b, int d) {
  int x = scaled(a, b, d);
  x += scaled(b, 3, d);
  return x + d;
}
