void step(int n) {
<<<<<<< ours
  scale(n);
  settle(n);
||||||| base
  scale(n);
  shift(n);
=======
  settle(n);
  shift(n);
>>>>>>> theirs
}
