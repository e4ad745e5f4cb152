void run(int n) {
  open(n);
  count(n);
  CHECK_DEVICE(n)
  step(n);
  finish(n);
}
