#include "a.h"

extern "C" {
void g(int);
}

void b() {
  y();
}
