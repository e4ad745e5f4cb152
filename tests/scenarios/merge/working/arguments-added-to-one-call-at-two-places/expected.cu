void step(State& s, float* x, int n, float scale) {
<<<<<<< ours
  apply(x, n, s.stream(), scale);
||||||| base
  apply(x, s.stream(), scale);
=======
  apply(x, s.stream(), scale, true);
>>>>>>> theirs
}
