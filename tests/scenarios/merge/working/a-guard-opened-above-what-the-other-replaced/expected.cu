void bind(Module& m) {
  m.def("x", &x);

  // Is this to be guarded?
#ifndef USE_HIP
  m.def("has_multicast", &comm::has_multicast,
        guard());

  m.def("has_mpi", &comm::has_mpi,
        guard());

  finish(m);
#endif
}
