void f(int c) {
  int x = 1;
<<<<<<< ours
  g(x, 2);
  k(x);
||||||| base
  g(x, 1);
=======
  if (c) {
    g(x, 1);
  }
>>>>>>> theirs
  h(x);
}
