int width = 32;

int between();

void a() {
  x();
}

void b() {
  y();
}
