static_assert(sizeof(int) == 4);

int f(int x) {
  return x;
}

int g(int x) {
  return x;
}

int h(int x) {
  static_assert(sizeof(x) == 4);
  return x;
}
