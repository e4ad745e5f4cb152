#define LAUNCH(T, N)          \
  do {                        \
    prepare<T>(args);         \
<<<<<<< ours
    trace<T>(args);           \
||||||| base
=======
>>>>>>> theirs
    kernel<T, N>(args);       \
<<<<<<< ours
||||||| base
=======
    trace<T>(args);           \
>>>>>>> theirs
    check_launch();           \
  } while (0)
