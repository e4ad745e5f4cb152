int scale(int x, int by) {
  #if 0
  x += 2;
  x *= by;
  #endif
  x ^= 5;
  x -= 4;
  return x;
}
