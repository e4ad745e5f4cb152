int f(int x) {
<<<<<<< ours
  if (x <= 0)
||||||| base
  if (x > 0)
    a(x);
  else
=======
  if (x > 0)
    a(x, 1);
  else
>>>>>>> theirs
    b(x);
  else
    a(x);
  return 0;
}
