int width = 128;

int between();

void a() {
  x();
}

#ifdef USE_HIP
void g() {
  w();
}
#endif

void b() {
  y();
}
