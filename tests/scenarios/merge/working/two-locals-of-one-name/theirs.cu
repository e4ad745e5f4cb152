void f(int a) {
  setup(a);
  run(a);
  more(a);
  size_t n = count(a);
  finish(a);
}
