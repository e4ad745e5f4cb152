<<<<<<< ours
#define STEP(x) x ^= c; \
  x *= 2; \
  { int t = x; x += t; }
||||||| base
#define STEP(x) x ^= c; \
  x *= 2;
=======
#define STEP(x) x *= 2; \
  x ^= c;
>>>>>>> theirs
