int f(int a, int b) {
  Guard one(a, 1);
<<<<<<< ours
||||||| base
  x += a;
  Guard two(x, 2);
=======
  Guard two(x, 2);
>>>>>>> theirs
  {
<<<<<<< ours
    x += a;
    Guard two(x, 2);
    {
      Guard three(x, b);
      x += 5;
    }
||||||| base
    Guard three(x, b);
    x += 5;
=======
    x += a;
    Guard three(x, b);
    x += 5;
>>>>>>> theirs
  }
  return x;
}
