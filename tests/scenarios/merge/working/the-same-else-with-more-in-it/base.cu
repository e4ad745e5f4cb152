#ifdef A
void a() {
  x();
}
#endif

void b() {
  y();
}
