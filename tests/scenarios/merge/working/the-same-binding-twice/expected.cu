PYBIND11_MODULE(ext, m) {
<<<<<<< ours
  m.def("x", &x, "ours");
||||||| base
=======
>>>>>>> theirs
  m.def("a", &a);
  m.def("b", &b);
  m.def("c", &c);
  m.def("d", &d);
<<<<<<< ours
||||||| base
=======
  m.def("x", &x);
>>>>>>> theirs
}
