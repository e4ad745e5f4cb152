int total(int num_splits);

void f(int a, int b, float c, float d, int num_splits = 0) {
  run(a, b);
}
