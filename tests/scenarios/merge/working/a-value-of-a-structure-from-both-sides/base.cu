struct P {
  int m0;
  int m1;
};

int f(int a, int b) {
  P v = {a,
      b};
  return g(v);
}
