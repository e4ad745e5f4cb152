void bind(Module& m) {
  // Misc
  m.def("version", &version);
  m.def("read_half", &read_half);

  // multi-tensor functions
  m.def("scale", &scale);

  finish(m);
}
