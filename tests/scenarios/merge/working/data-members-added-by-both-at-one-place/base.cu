struct A {
  int a;
  int b;
};
