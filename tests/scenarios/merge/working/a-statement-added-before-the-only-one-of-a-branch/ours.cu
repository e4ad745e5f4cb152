int f(int a, int b) {
  int h = a;
  h -= b;
  #if X
  #endif
  h *= 5;
  return h;
}
