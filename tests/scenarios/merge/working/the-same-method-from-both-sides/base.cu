struct S {
  int a = 1;
  int b = 2;
  int c = 3;
  int sum() const { return a + b + c; }
};
