int drain(int n) {
  open(n);
  read(n);
  parse(n);
  close(n);
  return n;
}
