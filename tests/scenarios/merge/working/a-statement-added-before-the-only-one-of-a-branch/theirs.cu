int f(int a, int b) {
  int h = a;
  h -= b;
  #if X
  h -= b;
  h += 3;
  #endif
  h *= 5;
  return h;
}
