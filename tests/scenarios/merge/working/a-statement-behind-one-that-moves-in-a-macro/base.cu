#define STEP(x) x ^= c; \
  x *= 2;
