void bind(Module& m) {
  // Misc
  m.def("version", &version);
  m.def("available", &available);

  finish(m);
}
