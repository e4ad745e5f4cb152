PYBIND(name, m) {
  m.def("a", &a);
  m.def("d", &d);
  m.def("c", &c);
}
