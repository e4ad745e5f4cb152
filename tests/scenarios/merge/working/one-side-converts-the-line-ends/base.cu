void a(int n) {
  run(n, 1);
}
void b(int n) {
  run(n, 2);
}
