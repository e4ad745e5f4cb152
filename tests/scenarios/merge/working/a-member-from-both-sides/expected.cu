#include "ops.h"
#include <torch/all.h>

struct Params {
<<<<<<< ours
  float bias;
||||||| base
=======
>>>>>>> theirs
  int rows;
  int columns;
  float scale;
  bool causal;
<<<<<<< ours
||||||| base
=======
  half bias;
>>>>>>> theirs
};
