int four(int x, int y) {
  int r = x * 5;
  r += y;
  for (int i = 0; i < 3; ++i) r ^= i + y;
  return r;
}
int two(int x, int y) {
  int r = x * 6;
  r += y;
  for (int i = 0; i < 3; ++i) r ^= i + y;
  return r;
}
int one(int x, int y) {
  int r = x * 4;
  r += y;
  r ^= x;
  for (int i = 0; i < 3; ++i) r ^= i + y;
  return r;
}
