#include "a.h"

namespace hip {
void g() {
  w();
}
}  // namespace hip

void b() {
  y();
}
