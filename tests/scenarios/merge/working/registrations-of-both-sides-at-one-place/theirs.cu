PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("scale", &scale_cuda, "Fused overflow check and scale");
  m.def("axpby", &axpby_cuda, "out = a*x + b*y");
  m.def("l2norm", &l2norm_cuda, "L2 norm of a list");
}
