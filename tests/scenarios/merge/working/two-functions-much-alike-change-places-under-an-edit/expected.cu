int one(int x, int y);
int two(int x, int y);
int two(int x, int y) {
  int r = x * 4;
  r *= 3;
  r += x;
  return r;
}

// -- the other one --

int one(int x, int y) {
  int r = x * 29;
  r *= 3;
<<<<<<< ours
||||||| base
=======
  r ^= x;
>>>>>>> theirs
  r += x;
  return r;
}
