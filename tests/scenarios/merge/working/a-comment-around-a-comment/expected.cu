void run(int n) {
  open(n);
<<<<<<< ours
  /*
  read(n);
  parse(n);
  check(n);
  close(n);
  */
||||||| base
  read(n);
  parse(n);
  check(n);
  close(n);
=======
  read(n);
  parse(n);
  check(n);
  /*
  close(n);
  */
>>>>>>> theirs
}
