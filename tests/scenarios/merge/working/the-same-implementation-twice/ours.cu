TORCH_LIBRARY_IMPL(ext, CUDA, m) {
  m.impl("x", torch::kCUDA, &x);
  m.impl("a", &a);
  m.impl("b", &b);
  m.impl("c", &c);
}
