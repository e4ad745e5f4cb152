void run(int n) {
  open(n);
  CHECK_DEVICE(n)
  count(n);
  step(n);
  finish(n);
}
