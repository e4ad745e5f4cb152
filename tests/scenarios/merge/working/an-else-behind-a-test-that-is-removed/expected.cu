int f(int x) {
  int y = g(x);
<<<<<<< ours
||||||| base
  if (y > 1) {
    y = h(y);
  }
=======
  if (y > 1) {
    y = h(y);
  } else {
    y = k(y);
  }
>>>>>>> theirs
  return y;
}
