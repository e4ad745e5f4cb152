void f(int a) {
  setup(a);
  count(a);
  run(a);
  finish(a);
}
