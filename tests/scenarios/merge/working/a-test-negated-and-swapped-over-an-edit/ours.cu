int f(int x) {
  if (x <= 0)
    b(x);
  else
    a(x);
  return 0;
}
