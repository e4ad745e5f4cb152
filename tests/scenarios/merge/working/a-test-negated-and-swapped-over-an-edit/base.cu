int f(int x) {
  if (x > 0)
    a(x);
  else
    b(x);
  return 0;
}
