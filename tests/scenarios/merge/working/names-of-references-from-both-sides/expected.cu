#include "scale.h"

template <typename T>
<<<<<<< ours
void take(T&& row);
||||||| base
void take(T);
=======
void take(T&& line);
>>>>>>> theirs

void launch(float* out, const float* in, int n) {
  scale<<<blocks(n), 256>>>(out, in, n);
}
