int q(int x, int y = 1);
int f(int a) {
<<<<<<< ours
  int x = q(4, a);
||||||| base
  int x = q(a);
=======
  int x = q(a, 1);
>>>>>>> theirs
  return x;
}
