#include "b.h"
#include "c.h"
#include "d.h"
#include <lib/util/a.h>

void b() {
  y();
}
