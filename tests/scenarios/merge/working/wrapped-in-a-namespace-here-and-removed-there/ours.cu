void first(int n) {
  run(n, 1);
}

void third(int n) {
  run(n, 3);
}
