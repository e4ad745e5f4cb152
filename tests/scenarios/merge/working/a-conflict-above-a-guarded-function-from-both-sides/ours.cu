int width = 64;

int between();

void a() {
  x();
}

void ours() {
  z();
}

#ifdef USE_HIP
void g() {
  w();
}
#endif

void b() {
  y();
}
