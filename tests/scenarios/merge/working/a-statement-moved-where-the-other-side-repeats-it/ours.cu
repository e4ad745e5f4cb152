int step(int x, int c) {
  if (x > 9) x -= 4;
  x *= 2;
  x ^= c;
  return x;
}
