int retry(int n) {
  start(n);
again:
<<<<<<< ours
  count(n);
||||||| base
=======
>>>>>>> theirs
  step(n);
<<<<<<< ours
||||||| base
=======
  count(n);
>>>>>>> theirs
  if (more(n)) goto again;
  settle(n);
  report(n);
  return n;
}
