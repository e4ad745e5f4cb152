#include "ops.h"
#include <torch/all.h>

struct Params {
  int rows;
  int columns;
  float scale;
  bool causal;
};
