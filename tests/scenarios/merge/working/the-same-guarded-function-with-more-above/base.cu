void a() {
  x();
}

void b() {
  y();
}
