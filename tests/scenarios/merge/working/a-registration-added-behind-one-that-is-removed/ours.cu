PYBIND(name, m) {
  m.def("a", &a);
  m.def("c", &c);
}
