void step(State& s, float* x, int n, float scale) {
  apply(x, s.stream(), scale, true);
}
