struct P {
  int m0;
  int m1;
  int n1;
};

int f(int a, int b) {
  P v = {a,
      b,
      9};
  return g(v);
}
