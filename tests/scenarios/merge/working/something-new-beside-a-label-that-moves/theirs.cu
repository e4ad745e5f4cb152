int retry(int n) {
  start(n);
again:
  step(n);
  if (more(n)) goto again;
late:
  count(n);
  settle(n);
  return n;
}
