void a(int n) {
  go(n, 1);
}
void b(int n) {
  run(n, 2);
}
void c(int n) {
  run(n, 3);
}
