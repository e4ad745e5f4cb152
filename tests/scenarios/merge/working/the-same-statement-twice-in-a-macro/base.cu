#define LAUNCH(T, N)          \
  do {                        \
    prepare<T>(args);         \
    kernel<T, N>(args);       \
    check_launch();           \
  } while (0)
