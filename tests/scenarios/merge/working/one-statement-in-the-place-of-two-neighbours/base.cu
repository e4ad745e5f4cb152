void step(int n) {
  scale(n);
  shift(n);
}
