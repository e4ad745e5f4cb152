void f(int a) {
  setup(a);
  run(a);
  more(a);
  finish(a);
}
