PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("scale", &scale_cuda, "Fused overflow check and scale");
<<<<<<< ours
  m.def("sgd", &sgd_cuda,
        "Fused SGD");
||||||| base
=======
  m.def("sgd", &sgd_hip, "Fused SGD of HIP");
>>>>>>> theirs
}
