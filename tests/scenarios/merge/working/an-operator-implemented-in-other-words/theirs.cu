TORCH_LIBRARY_FRAGMENT(old, m) {
  m.def("lookup(Tensor x) -> Tensor");
  DISPATCH_TO_CPU("lookup", lookup);
}

TORCH_LIBRARY_FRAGMENT(ext, m) {
  m.def("lookup(Tensor x) -> Tensor");
  DISPATCH_TO_CPU("lookup", lookup);
}
