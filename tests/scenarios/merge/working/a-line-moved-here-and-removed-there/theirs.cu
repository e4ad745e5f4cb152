#include "ops.h"
#include <torch/all.h>

void steps() {
  one();
  two();
  three();
  four();
  five();
}
