TORCH_LIBRARY(ext, m) {
  m.def("lookup(Tensor x) -> Tensor");
}

TORCH_LIBRARY_IMPL(ext, CPU, m) {
  m.impl("lookup", &lookup_cpu);
}

int between();

TORCH_LIBRARY_IMPL(ext, CUDA, m) {
  m.impl("lookup", &lookup_cuda);
}
