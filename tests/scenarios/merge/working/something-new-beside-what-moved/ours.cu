void run(int n) {
  open(n);
  for (int i = 0; i < n; ++i) {
    shift(i);
    fold(i);
  }
  close(n);
}
