int f(int a, int b) {
<<<<<<< ours
  int x = limit + g(a) + b + a;
||||||| base
  int x = g(a) + limit + b + a;
=======
  int x = g(a) + b + a;
>>>>>>> theirs
  return x;
}
