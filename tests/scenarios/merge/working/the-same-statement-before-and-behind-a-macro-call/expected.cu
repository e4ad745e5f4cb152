void run(int n) {
  open(n);
<<<<<<< ours
  count(n);
||||||| base
=======
>>>>>>> theirs
  CHECK_DEVICE(n)
<<<<<<< ours
||||||| base
=======
  count(n);
>>>>>>> theirs
  step(n);
  finish(n);
}
