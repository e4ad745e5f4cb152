#ifndef EXTENSIONS_H_
#define EXTENSIONS_H_

#include "common.h"
#ifndef USE_HIP
#include "common/common.h"
#endif

int f();

#endif  // EXTENSIONS_H_
