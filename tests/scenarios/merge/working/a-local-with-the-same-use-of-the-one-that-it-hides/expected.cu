int total(const int* in, int n, int bias) {
  int sum = 0;
  for (int i = 0; i < n; ++i) {
<<<<<<< ours
    int bias = in[i] / 3;
    sum += bias;
||||||| base
=======
    sum += bias;
>>>>>>> theirs
    sum += in[i];
  }
  return sum;
}
