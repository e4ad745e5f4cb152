void f(int* x) {
  h(x[0]);
  h(x[1]);
}
