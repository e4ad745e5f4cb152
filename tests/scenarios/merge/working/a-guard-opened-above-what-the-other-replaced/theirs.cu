void bind(Module& m) {
  m.def("x", &x);

  m.def("has_multicast", &comm::has_multicast,
        guard());

  m.def("has_mpi", &comm::has_mpi,
        guard());

  finish(m);
}
