void run(int n) {
  open(n);
  CHECK_DEVICE(n)
  step(n);
  finish(n);
}
