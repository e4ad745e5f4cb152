int f(int x) {
  if (x > 0)
    a(x, 1);
  else
    b(x);
  return 0;
}
