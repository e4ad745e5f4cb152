int total(int num_splits);

void f(int num_splits, int a, int b, float c, float d) {
  run(a, b);
}
