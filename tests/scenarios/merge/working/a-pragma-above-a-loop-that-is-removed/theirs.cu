int f(int x) {
  prepare(x);
  return 0;
}
