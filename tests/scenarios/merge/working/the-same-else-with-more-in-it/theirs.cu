#ifdef A
void a() {
  x();
}
#else
void a() {
  z();
}
#endif

void b() {
  y();
}
