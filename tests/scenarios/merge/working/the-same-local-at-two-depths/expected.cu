void f(int a) {
<<<<<<< ours
  Proc proc(a, 1);
||||||| base
=======
>>>>>>> theirs
  setup(a);
  if (a > 0) {
    run(a);
<<<<<<< ours
||||||| base
=======
    Proc proc(a, 2);
>>>>>>> theirs
    more(a);
  }
  finish(a);
}
