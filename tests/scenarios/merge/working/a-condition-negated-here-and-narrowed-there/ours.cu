int f(int h) {
#if X && Y
  h ^= 3;
#endif
  if (h) {
    h = 1;
  }
  return h;
}
