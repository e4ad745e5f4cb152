int scale(int x) {
<<<<<<< ours
  int factor = 2;
||||||| base
  int factor = 1;
=======
  int factor = pick(2, x);
>>>>>>> theirs
  return x * factor;
}
