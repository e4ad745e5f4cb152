int f(int x) {
  store(x);
  return x;
}
