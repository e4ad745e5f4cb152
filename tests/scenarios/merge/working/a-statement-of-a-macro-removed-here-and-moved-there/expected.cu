#define LAUNCH(T, N)          \
  do {                        \
<<<<<<< ours
    kernel<T, N>(args);       \
||||||| base
    prepare<T>(args);         \
    kernel<T, N>(args);       \
=======
    kernel<T, N>(args);       \
    prepare<T>(args);         \
>>>>>>> theirs
    check_launch();           \
  } while (0)
