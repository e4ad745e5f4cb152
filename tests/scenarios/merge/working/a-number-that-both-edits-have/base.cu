int scale(int x) {
  int factor = 1;
  return x * factor;
}
