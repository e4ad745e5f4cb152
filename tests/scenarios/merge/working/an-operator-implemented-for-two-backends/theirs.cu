TORCH_LIBRARY(ext, m) {
  m.def("lookup(Tensor x) -> Tensor");
}

int between();

TORCH_LIBRARY_IMPL(ext, CUDA, m) {
  m.impl("lookup", &lookup_cuda);
}
