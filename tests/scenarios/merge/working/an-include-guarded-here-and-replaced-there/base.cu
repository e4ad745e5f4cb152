#include "a.h"
#include "cuda.h"
#include "c.h"

void b() {
  y();
}
