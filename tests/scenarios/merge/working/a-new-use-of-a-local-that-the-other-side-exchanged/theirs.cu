void launch(const float* in, float* out, int tokens, int heads) {
  const int units = tokens * heads;
  const bool early = tokens <= kEarly;
  check(tokens > 0);
  run(in, out,
      tokens, heads);
  run_again(in, out, tokens);
  store(out, units, early);
}
