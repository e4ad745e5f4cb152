#define EACH(f, T) \
  f(T, 1) \
<<<<<<< ours
  f(T, 3) \
  f(T, 2) \
  f(T, 5) \
||||||| base
  f(T, 2) \
  f(T, 5) \
=======
  f(T, 2) \
  f(T, 5) \
  f(T, 3) \
>>>>>>> theirs
  f(T, 8)
