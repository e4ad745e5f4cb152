void run(int n) {
  open(n);
  read(n);
  parse(n);
  check(n);
  prepare(n);
  settle(n);
}
