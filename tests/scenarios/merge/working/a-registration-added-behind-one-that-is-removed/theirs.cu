PYBIND(name, m) {
  m.def("a", &a);
  m.def("b", &b);
  m.def("d", &d);
  m.def("c", &c);
}
