void f(int a) {
  setup(a);
  if (a > 0) {
    run(a);
    Proc proc(a, 2);
    more(a);
  }
  finish(a);
}
