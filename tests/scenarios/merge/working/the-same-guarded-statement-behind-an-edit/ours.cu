void f(int a) {
  setup(a);
  run(a);
#ifdef USE_HIP
  count(a);
#endif
  finish(a);
}
