#define LAUNCH(T, N)          \
  do {                        \
    prepare<T>(args);         \
    trace<T>(args);           \
    kernel<T, N>(args);       \
    check_launch();           \
  } while (0)
