void run(int n) {
  open(n);
  close(n);
}
