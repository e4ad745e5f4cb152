int f(int a, int b) {
  int h = a;
  h -= b;
  #if X
  h ^= a;
<<<<<<< ours
  h ^= a;
||||||| base
=======
  h += 3;
>>>>>>> theirs
  #endif
  h *= 5;
  return h;
}
