float f(const float* p, int off, int i, int stride, int j, const float* acc, float alpha, float beta, float k_scale) {
<<<<<<< ours
  return alpha + beta + acc[0] + k_scale;
||||||| base
  return alpha + beta + acc[0];
=======
  return k_scale + alpha + beta + acc[0];
>>>>>>> theirs
}
