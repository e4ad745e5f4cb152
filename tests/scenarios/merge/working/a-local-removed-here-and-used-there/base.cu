int g(int a) {
  int limit = 3;
  return a + limit;
}

int f(int a) {
  int limit = size(a);
  setup(a);
  run(a, limit);
  more(a);
  finish(a);
  return a;
}
