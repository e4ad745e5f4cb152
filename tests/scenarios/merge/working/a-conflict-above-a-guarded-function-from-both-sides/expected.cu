<<<<<<< ours
int width = 64;
||||||| base
int width = 32;
=======
int width = 128;
>>>>>>> theirs

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
