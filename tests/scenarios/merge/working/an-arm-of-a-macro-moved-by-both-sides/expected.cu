int pick(int n, int x) {
  switch (n) {
    ARM(2, 16, x)
<<<<<<< ours
    ARM(1, 8, x)
||||||| base
=======
>>>>>>> theirs
    ARM(3, 24, x)
    ARM(4, 32, x)
<<<<<<< ours
||||||| base
=======
    ARM(1, 8, x)
>>>>>>> theirs
    default: break;
  }
  return x;
}
