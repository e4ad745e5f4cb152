struct View {
  int* data;
  int size;
  int stride;
  int flags;
  View(int* at, int n)
<<<<<<< ours
      : data(at),
        stride(4),
||||||| base
      : data(at),
=======
      : stride(n), flags(1),
        data(at),
>>>>>>> theirs
        size(n + 1) {
    check();
  }
};
