#define LAUNCH(T, N)          \
  do {                        \
    kernel<T, N>(args);       \
    check_launch();           \
  } while (0)
