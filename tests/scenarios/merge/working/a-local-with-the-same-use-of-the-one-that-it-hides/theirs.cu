int total(const int* in, int n, int bias) {
  int sum = 0;
  for (int i = 0; i < n; ++i) {
    sum += bias;
    sum += in[i];
  }
  return sum;
}
