void bind(Module& m) {
  // Misc
#ifndef USE_HIP
  m.def("version", &version);
<<<<<<< ours
  m.def("available", &available);
#endif
||||||| base
  m.def("available", &available);
=======
  m.def("read_half", &read_half);

  // multi-tensor functions
  m.def("scale", &scale);
>>>>>>> theirs

  finish(m);
}
