int retry(int n) {
  start(n);
  step(n);
  if (more(n)) goto again;
again:
  settle(n);
  return n;
}
