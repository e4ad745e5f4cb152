void launch(int n, float* x) {
  switch (n) {
    LAUNCH(32, 4)
    LAUNCH(64, 8)
    LAUNCH(128, 8)
    default: fail(n);
  }
}
