int scale(int x) {
  int factor = pick(2, x);
  return x * factor;
}
