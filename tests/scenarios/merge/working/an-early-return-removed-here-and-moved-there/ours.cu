static int early(int a, int b) {
  int x = a;
  x += b;
  x *= 3;
  return x;
}
