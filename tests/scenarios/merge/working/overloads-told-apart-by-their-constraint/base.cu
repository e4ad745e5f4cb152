template <typename T>
void a(T x) {
  y(x);
}

void z() {
  y();
}
