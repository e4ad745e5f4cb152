int f(int h) {
<<<<<<< ours
#if X && Y
||||||| base
#if X
=======
#if !X
>>>>>>> theirs
  h ^= 3;
#endif
  if (h) {
    h = 1;
  }
  return h;
}
