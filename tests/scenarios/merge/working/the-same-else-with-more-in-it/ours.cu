#ifdef A
void a() {
  x();
}
#else
void a() {
  z();
}
void a2() {
  zz();
}
#endif

void b() {
  y();
}
