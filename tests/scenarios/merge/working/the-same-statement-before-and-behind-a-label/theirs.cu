int retry(int n) {
  start(n);
again:
  step(n);
  count(n);
  if (more(n)) goto again;
  settle(n);
  report(n);
  return n;
}
