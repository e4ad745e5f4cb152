int f(int a, int b) {
  Guard one(a, 1);
  Guard two(x, 2);
  {
    x += a;
    Guard three(x, b);
    x += 5;
  }
  return x;
}
