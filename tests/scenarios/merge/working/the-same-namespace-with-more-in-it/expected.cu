#include "a.h"

namespace hip {
void ours() {
  z();
}
void g() {
  w();
}
}  // namespace hip

void b() {
  y();
}
