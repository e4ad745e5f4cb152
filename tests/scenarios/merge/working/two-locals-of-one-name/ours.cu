void f(int a) {
  int n = size(a);
  setup(a);
  run(a);
  more(a);
  finish(a);
}
