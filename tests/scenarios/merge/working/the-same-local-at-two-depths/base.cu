void f(int a) {
  setup(a);
  if (a > 0) {
    run(a);
    more(a);
  }
  finish(a);
}
