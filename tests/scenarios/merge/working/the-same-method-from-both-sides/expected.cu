struct S {
  int a = 1;
<<<<<<< ours
  int twice(int x) const { return x * 2; }
||||||| base
=======
>>>>>>> theirs
  int b = 2;
  int c = 3;
<<<<<<< ours
||||||| base
=======
  int twice(int x) const { return x * b; }
>>>>>>> theirs
  int sum() const { return a + b + c; }
};
