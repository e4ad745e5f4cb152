void f(int a) {
  setup(a);
  run(a);
  finish(a);
}
