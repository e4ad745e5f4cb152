PYBIND(name, m) {
  m.def("a", &a);
  m.def("b", &b);
  m.def("c", &c);
}
