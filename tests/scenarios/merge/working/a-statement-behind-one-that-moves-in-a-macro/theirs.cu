#define STEP(x) x *= 2; \
  x ^= c;
