void a() {
  x();
}

void b() {
  y();
}

void c() {
  z();
}

void n(int q) {
  work(q);
}
