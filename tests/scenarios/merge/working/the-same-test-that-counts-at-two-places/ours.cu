int drain(int n) {
  open(n);
  if (++tries > 3) return n;
  read(n);
  parse(n);
  close(n);
  return n;
}
