void transpose(
    Tensor indices,
    bool nobag,
    const Tensor& map,
    const int bits) {
  CHECK(nobag || bits > 0);
  const auto total = sizes(1) - 1;
  const auto T = sizes(0) - 1;

  launch(indices, T, total / T);
}
