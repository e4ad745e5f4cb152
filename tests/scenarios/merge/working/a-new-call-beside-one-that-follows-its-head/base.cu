static int scaled(int x, int y) { return x * 5 + y; }

int sum(int a, int b, int d) {
  int x = scaled(a, b);
  x += scaled(b, 3);
  return x + d;
}
