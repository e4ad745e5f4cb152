int f(int h) {
#if X
  h ^= 3;
#endif
  if (h) {
    h = 1;
  }
  return h;
}
