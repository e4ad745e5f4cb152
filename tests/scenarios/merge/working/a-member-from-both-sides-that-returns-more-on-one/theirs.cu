struct Scale {
  int m = 3;
  int look() const { return m; }
  int get() const { return m * 2; }
};
