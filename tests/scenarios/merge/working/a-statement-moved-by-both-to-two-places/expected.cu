void run(int n) {
  open(n);
  read(n);
<<<<<<< ours
  prepare(n);
||||||| base
=======
>>>>>>> theirs
  parse(n);
  check(n);
<<<<<<< ours
||||||| base
=======
  prepare(n);
>>>>>>> theirs
  settle(n);
}
