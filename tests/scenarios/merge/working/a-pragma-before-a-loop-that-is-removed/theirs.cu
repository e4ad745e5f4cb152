void run(int n) {
  open(n);
#pragma unroll
  for (int i = 0; i < n; ++i) {
    fold(i);
    shift(i);
  }
  close(n);
}
