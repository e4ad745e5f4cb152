#include "ops.h"
#include <torch/all.h>

void steps() {
  one();
  two();
  three();
  four();
  five();
  prepare_all_the_weights();
}
