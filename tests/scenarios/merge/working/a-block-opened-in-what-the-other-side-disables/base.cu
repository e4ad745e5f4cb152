int scale(int x, int by) {
  x += 2;
  x *= by;
  x ^= 5;
  x -= 4;
  return x;
}
