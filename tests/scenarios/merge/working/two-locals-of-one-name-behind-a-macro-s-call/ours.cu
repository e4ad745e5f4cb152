PYBIND11_MODULE(NAME, m) {
  start();
  m.def("op0", &op0);
  m.def("op1", &op1);
  m.def("op2", &op2);
  m.def("op3", &op3);
  m.def("op4", &op4);
  m.def("op5", &op5);
  m.def("op6", &op6);
  m.def("op7", &op7);
  int limit = 2;
}
