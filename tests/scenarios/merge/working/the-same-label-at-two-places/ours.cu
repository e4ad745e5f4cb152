int retry(int n) {
  start(n);
again:
  step(n);
  if (bad(n)) goto out;
  if (more(n)) goto again;
out:
  settle(n);
  report(n);
  return n;
}
