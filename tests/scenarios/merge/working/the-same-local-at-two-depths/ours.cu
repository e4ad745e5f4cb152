void f(int a) {
  Proc proc(a, 1);
  setup(a);
  if (a > 0) {
    run(a);
    more(a);
  }
  finish(a);
}
