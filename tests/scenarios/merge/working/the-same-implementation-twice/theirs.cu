TORCH_LIBRARY_IMPL(ext, CUDA, m) {
  m.impl("a", &a);
  m.impl("b", &b);
  m.impl("c", &c);
  m.impl("x", &x);
}
