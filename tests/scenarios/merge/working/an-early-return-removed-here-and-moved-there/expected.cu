static int early(int a, int b) {
  int x = a;
  x += b;
  x *= 3;
<<<<<<< ours
||||||| base
=======
  if (x > 2) return 7;
>>>>>>> theirs
  return x;
}
