#include "b.h"
<<<<<<< ours
||||||| base
=======
#include "lib/util/a.h"
>>>>>>> theirs
#include "c.h"
#include "d.h"
<<<<<<< ours
#include <lib/util/a.h>
||||||| base
=======
>>>>>>> theirs

void b() {
  y();
}
