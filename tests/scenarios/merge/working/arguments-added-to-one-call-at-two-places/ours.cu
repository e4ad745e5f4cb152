void step(State& s, float* x, int n, float scale) {
  apply(x, n, s.stream(), scale);
}
