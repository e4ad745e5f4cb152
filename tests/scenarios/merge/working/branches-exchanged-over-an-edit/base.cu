int score(const Node& n, int k) {
  int s = 0;
#ifdef USE_AVX
  for (int i = 0; i < k; i += 8) {
    s += dot8(n.v + i);
  }
#else
  for (int i = 0; i < k; ++i) {
    s += n.v[i] * n.w[i];
  }
#endif
  return s;
}
