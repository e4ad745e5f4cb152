void bind(Module& m) {
  m.def("x", &x);

  // Functions of the communicator.
  // They hold no lock.
  m.def("set_callbacks", &comm::set_callbacks,
        guard());

  finish(m);
}
