#include "ops.h"
#include <torch/all.h>

void steps() {
  prepare_all_the_weights();
  one();
  two();
  three();
  four();
  five();
}
