PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  py::class_<Engine>(m, "Engine")
      .def(py::init<int>())
      .def("run", &Engine::run)
      .def("stop", &Engine::stop)
      .def("resume", &Engine::resume)
      .def("pause", &Engine::pause);
  m.attr("version") = 3;
}
