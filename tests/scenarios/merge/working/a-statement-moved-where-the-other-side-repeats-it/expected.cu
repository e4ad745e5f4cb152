int step(int x, int c) {
<<<<<<< ours
  if (x > 9) x -= 4;
  x *= 2;
  x ^= c;
||||||| base
  x ^= c;
  if (x > 9) x -= 4;
  x *= 2;
=======
  x ^= c;
  if (x > 9) x -= 4;
  x *= 2;
  x ^= c;
>>>>>>> theirs
  return x;
}
