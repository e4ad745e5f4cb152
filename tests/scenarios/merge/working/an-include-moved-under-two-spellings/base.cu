#include "util/a.h"
#include "b.h"
#include "c.h"
#include "d.h"

void b() {
  y();
}
