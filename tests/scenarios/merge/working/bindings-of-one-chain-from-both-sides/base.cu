PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  py::class_<Engine>(m, "Engine")
      .def(py::init<int>())
      .def("run", &Engine::run)
      .def("stop", &Engine::stop);
  m.attr("version") = 3;
}
