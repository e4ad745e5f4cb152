void step(int n) {
  scale(n);
  settle(n);
}
