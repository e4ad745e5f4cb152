int f(int x) {
<<<<<<< ours
||||||| base
  int y = g(x);
=======
  int y = g(x);
  trace(y);
>>>>>>> theirs
  store(x);
  return x;
}
