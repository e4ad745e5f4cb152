PYBIND11_MODULE(ext, m) {
  m.def("gelu", &gelu, "Fused GELU of a tensor",
        py::call_guard<py::gil_scoped_release>());
  m.def("relu", &relu, "Fused RELU of a tensor",
        py::call_guard<py::gil_scoped_release>());
  m.def("silu", &silu, "Fused SILU of a tensor",
        py::call_guard<py::gil_scoped_release>());
#ifndef USE_ROCM
  m.def("norm_fwd", &norm_fwd, "Fused NORM_FWD of a tensor",
        py::call_guard<py::gil_scoped_release>());
  m.def("norm_bwd", &norm_bwd, "Fused NORM_BWD of a tensor",
        py::call_guard<py::gil_scoped_release>());
#endif
  m.def("norm_hip", &norm_hip, "Fused NORM_HIP of a tensor");
  m.def("rope_fwd", &rope_fwd, "Fused ROPE_FWD of a tensor",
        py::call_guard<py::gil_scoped_release>());
  m.def("rope_bwd", &rope_bwd, "Fused ROPE_BWD of a tensor",
        py::call_guard<py::gil_scoped_release>());
}
