int retry(int n) {
  start(n);
again:
  step(n);
  if (more(n)) goto again;
  settle(n);
  return n;
}
