struct View {
  int* data;
  int size;
  int stride;
  int flags;
  View(int* at, int n)
      : data(at),
        size(n + 1) {
    check();
  }
};
