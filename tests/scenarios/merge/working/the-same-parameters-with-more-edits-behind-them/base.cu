void transpose(
    Tensor indices,
    bool nobag) {
  const int T = sizes(0) - 1;
  const int B = (sizes(1) - 1) / T;

  launch(indices, T, B);
}
