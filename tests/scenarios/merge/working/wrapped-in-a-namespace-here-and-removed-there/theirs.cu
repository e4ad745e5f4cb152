void first(int n) {
  run(n, 1);
}

namespace impl {
void second(int n) {
  run(n, 1);
}
}  // namespace impl

void third(int n) {
  run(n, 3);
}
