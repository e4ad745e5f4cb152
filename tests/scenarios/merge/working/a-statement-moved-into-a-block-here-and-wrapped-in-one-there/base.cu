int f(int a, int b) {
  Guard one(a, 1);
  x += a;
  Guard two(x, 2);
  {
    Guard three(x, b);
    x += 5;
  }
  return x;
}
