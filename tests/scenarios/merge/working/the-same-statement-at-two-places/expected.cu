void f(int a) {
  setup(a);
<<<<<<< ours
  count(a);
||||||| base
=======
>>>>>>> theirs
  run(a);
<<<<<<< ours
||||||| base
=======
  count(a);
>>>>>>> theirs
  finish(a);
}
