PYBIND11_MODULE(ext, m) {
  m.def("x", &x, "ours");
  m.def("a", &a);
  m.def("b", &b);
  m.def("c", &c);
  m.def("d", &d);
}
