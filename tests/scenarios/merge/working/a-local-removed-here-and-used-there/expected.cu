int g(int a) {
  int limit = 3;
  return a + limit;
}

int f(int a) {
  setup(a);
  run(a, size(a));
  more(a);
  finish(a);
<<<<<<< ours
  return a * limit;
||||||| base
  return a;
=======
  return a;
>>>>>>> theirs
}
