namespace b {

int g(int x) {
  return x - 1;
}

int h(int x) {
  return x * 3;
}

int f(int x) {
  int y = x + 1;
  return y * 2;
}

}  // namespace b
