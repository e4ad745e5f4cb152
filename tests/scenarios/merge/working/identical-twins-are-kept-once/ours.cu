void n(int q) {
  work(q);
}

void a() {
  x();
}

void b() {
  y();
}

void c() {
  z();
}
