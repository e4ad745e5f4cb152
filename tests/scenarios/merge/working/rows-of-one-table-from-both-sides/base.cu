#define EACH(f, T) \
  f(T, 1) \
  f(T, 2) \
  f(T, 5) \
  f(T, 8)

auto names = Map{}
    .add(A, W)
    .add(B, W)
    .add(E, W)
    .add(F, W);
