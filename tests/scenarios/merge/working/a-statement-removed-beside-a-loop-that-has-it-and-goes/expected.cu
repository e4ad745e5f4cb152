static int pick(int a, int n) {
  int x = n;
<<<<<<< ours
  for (int i = 0; i < 2; ++i) {
    x ^= n;
    x = x * 3 + a;
  }
||||||| base
  x = x * 3 + a;
  for (int i = 0; i < 2; ++i) {
    x ^= n;
    x = x * 3 + a;
  }
=======
  x = x * 3 + a;
>>>>>>> theirs
  x ^= n;
  return x;
}
