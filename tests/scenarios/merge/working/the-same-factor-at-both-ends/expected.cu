float f(const float* p, int off, int i, int stride, int j, const float* acc, float alpha, float beta, float k_scale) {
<<<<<<< ours
  return k_scale * acc[0] * alpha * beta;
||||||| base
  return acc[0] * alpha * beta;
=======
  return acc[0] * alpha * beta * k_scale;
>>>>>>> theirs
}
