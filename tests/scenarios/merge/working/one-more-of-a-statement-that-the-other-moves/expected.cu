int f(int x, int b, int c) {
  if (!(x % 2 == 0)) {
    b = b + c;
<<<<<<< ours
    x = x + p[x & 7];
||||||| base
=======
  } else {
    x = x + p[x & 7];
>>>>>>> theirs
  }
  return x + b;
}
