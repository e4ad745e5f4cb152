void f(int* x) {
<<<<<<< ours
  g(x[0]);
  g(x[1]);
||||||| base
  for (int i = 0; i < 2; ++i) {
    g(x[i]);
  }
=======
  for (int i = 0; i < 2; ++i) {
    h(x[i]);
  }
>>>>>>> theirs
}
