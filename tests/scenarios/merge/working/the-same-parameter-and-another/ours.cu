int total(int num_splits);

void f(int a, int b, float c, float d, int num_splits, std::optional<G> gen) {
  run(a, b);
}
