int scale(int x, int by) {
  #if 0
  x += 2;
<<<<<<< ours
  if (by > 1) {
  x *= by;
  x ^= 5;
  x -= 4;
  }
||||||| base
  x *= by;
  x ^= 5;
  x -= 4;
=======
  x *= by;
  #endif
  x ^= 5;
  x -= 4;
>>>>>>> theirs
  return x;
}
