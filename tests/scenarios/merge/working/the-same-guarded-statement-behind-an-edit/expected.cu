void f(int a) {
  setup(a);
  run(a, 1);
#ifdef USE_HIP
  count(a);
#endif
  finish(a);
}
