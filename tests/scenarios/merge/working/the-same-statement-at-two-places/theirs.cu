void f(int a) {
  setup(a);
  run(a);
  count(a);
  finish(a);
}
