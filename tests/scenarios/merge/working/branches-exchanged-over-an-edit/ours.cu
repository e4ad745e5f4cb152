int score(const Node& n, int k) {
  int s = 0;
#ifndef USE_AVX
  for (int i = 0; i < k; ++i) {
    s += n.v[i] * n.w[i];
  }
#else
  for (int i = 0; i < k; i += 8) {
    s += dot8(n.v + i);
  }
#endif
  return s;
}
