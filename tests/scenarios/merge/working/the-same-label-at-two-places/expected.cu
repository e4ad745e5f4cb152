int retry(int n) {
  start(n);
again:
  step(n);
  if (bad(n)) goto out;
  if (more(n)) goto again;
<<<<<<< ours
out:
||||||| base
=======
>>>>>>> theirs
  settle(n);
<<<<<<< ours
||||||| base
=======
out:
>>>>>>> theirs
  report(n);
  return n;
}
