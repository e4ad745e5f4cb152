#include "a.h"

void other() {
  run();
}
