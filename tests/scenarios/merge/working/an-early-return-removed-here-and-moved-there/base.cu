static int early(int a, int b) {
  int x = a;
  if (x > 2) return 7;
  x += b;
  x *= 3;
  return x;
}
