void bind(Module& m) {
  // Misc
#ifndef USE_HIP
  m.def("version", &version);
  m.def("available", &available);
#endif

  finish(m);
}
