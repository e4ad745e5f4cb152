#define LAUNCH(T, N)          \
  do {                        \
    prepare<T>(args);         \
    kernel<T, N>(args);       \
    trace<T>(args);           \
    check_launch();           \
  } while (0)
