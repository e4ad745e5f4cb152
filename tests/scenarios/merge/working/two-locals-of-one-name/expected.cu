void f(int a) {
<<<<<<< ours
  int n = size(a);
||||||| base
=======
>>>>>>> theirs
  setup(a);
  run(a);
  more(a);
<<<<<<< ours
||||||| base
=======
  size_t n = count(a);
>>>>>>> theirs
  finish(a);
}
