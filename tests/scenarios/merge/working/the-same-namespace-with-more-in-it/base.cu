#include "a.h"

void b() {
  y();
}
