#include "ops.h"
#include <torch/all.h>

struct Params {
  float bias;
  int rows;
  int columns;
  float scale;
  bool causal;
};
