int drain(int n) {
  open(n);
  read(n);
  parse(n);
  if (++tries > 3) return n;
  close(n);
  return n;
}
