void run(int n) {
  prepare(n);
  open(n);
  read(n);
  parse(n);
  check(n);
  settle(n);
}
