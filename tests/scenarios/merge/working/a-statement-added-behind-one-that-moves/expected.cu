int f(int x) {
<<<<<<< ours
||||||| base
  x += 2;
=======
  x += 2;
  x *= 8;
>>>>>>> theirs
  x = g(x);
  x += 2;
  return x;
}
