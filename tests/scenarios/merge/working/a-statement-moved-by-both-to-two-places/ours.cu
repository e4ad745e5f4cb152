void run(int n) {
  open(n);
  read(n);
  prepare(n);
  parse(n);
  check(n);
  settle(n);
}
