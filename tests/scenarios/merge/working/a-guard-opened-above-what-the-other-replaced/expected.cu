void bind(Module& m) {
  m.def("x", &x);

<<<<<<< ours
  // Is this to be guarded?
#ifndef USE_HIP
  // Functions of the communicator.
  // They hold no lock.
  m.def("set_callbacks", &comm::set_callbacks,
||||||| base
  // Functions of the communicator.
  // They hold no lock.
  m.def("set_callbacks", &comm::set_callbacks,
=======
  m.def("has_multicast", &comm::has_multicast,
        guard());

  m.def("has_mpi", &comm::has_mpi,
>>>>>>> theirs
        guard());

  finish(m);
#endif
}
