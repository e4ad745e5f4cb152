int retry(int n) {
  start(n);
  step(n);
  if (more(n)) goto again;
<<<<<<< ours
again:
||||||| base
=======
late:
  count(n);
>>>>>>> theirs
  settle(n);
  return n;
}
