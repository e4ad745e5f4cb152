#define STEP(x) x ^= c; \
  x *= 2; \
  { int t = x; x += t; }
