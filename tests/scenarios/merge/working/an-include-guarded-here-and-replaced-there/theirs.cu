#include "a.h"
#include "gpu.h"
#include "c.h"

void b() {
  y();
}
