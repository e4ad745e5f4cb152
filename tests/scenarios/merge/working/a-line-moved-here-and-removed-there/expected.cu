#include "ops.h"
#include <torch/all.h>

void steps() {
  one();
  two();
  three();
  four();
  five();
<<<<<<< ours
  prepare_all_the_weights();
||||||| base
=======
>>>>>>> theirs
}
