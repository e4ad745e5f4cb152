struct Scale {
  int m = 3;
  int look() const { return m; }
<<<<<<< ours
  int get() const { return m; }
||||||| base
=======
  int get() const { return m * 2; }
>>>>>>> theirs
};
