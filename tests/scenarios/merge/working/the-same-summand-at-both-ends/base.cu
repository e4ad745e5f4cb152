float f(const float* p, int off, int i, int stride, int j, const float* acc, float alpha, float beta, float k_scale) {
  return alpha + beta + acc[0];
}
