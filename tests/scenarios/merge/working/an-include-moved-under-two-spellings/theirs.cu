#include "b.h"
#include "lib/util/a.h"
#include "c.h"
#include "d.h"

void b() {
  y();
}
