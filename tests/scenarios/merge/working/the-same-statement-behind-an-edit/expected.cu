void f(int a) {
  setup(a);
  run(a, 1);
  count(a);
  finish(a);
}
