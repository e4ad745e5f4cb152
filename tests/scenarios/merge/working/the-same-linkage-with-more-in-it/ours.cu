#include "a.h"

extern "C" {
void g(int);
void ours(int);
}

void b() {
  y();
}
