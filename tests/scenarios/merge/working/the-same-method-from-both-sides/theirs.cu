struct S {
  int a = 1;
  int b = 2;
  int c = 3;
  int twice(int x) const { return x * b; }
  int sum() const { return a + b + c; }
};
