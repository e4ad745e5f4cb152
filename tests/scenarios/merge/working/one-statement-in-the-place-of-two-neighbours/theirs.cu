void step(int n) {
  settle(n);
  shift(n);
}
