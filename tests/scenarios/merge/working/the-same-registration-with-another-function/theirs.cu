PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("scale", &scale_cuda, "Fused overflow check and scale");
  m.def("sgd", &sgd_hip, "Fused SGD of HIP");
}
