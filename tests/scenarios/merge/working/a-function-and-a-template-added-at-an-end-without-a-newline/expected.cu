int f(int x) {
  return x;
}

template <typename T>
T h(T x) {
  return x;
}

int g(int x) {
  return x;
}