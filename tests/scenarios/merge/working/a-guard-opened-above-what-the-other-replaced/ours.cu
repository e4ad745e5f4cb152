void bind(Module& m) {
  m.def("x", &x);

  // Is this to be guarded?
#ifndef USE_HIP
  // Functions of the communicator.
  // They hold no lock.
  m.def("set_callbacks", &comm::set_callbacks,
        guard());

  finish(m);
#endif
}
