#define LAUNCH(T, N)          \
  do {                        \
    kernel<T, N>(args);       \
    prepare<T>(args);         \
    check_launch();           \
  } while (0)
