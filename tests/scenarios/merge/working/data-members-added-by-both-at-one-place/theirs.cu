struct A {
  int a;
  int b;
  float d;
};
