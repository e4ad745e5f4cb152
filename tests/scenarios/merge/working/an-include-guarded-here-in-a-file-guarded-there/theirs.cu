#ifndef EXTENSIONS_H_
#define EXTENSIONS_H_

#include "common.h"
#include "common/common.h"

int f();

#endif  // EXTENSIONS_H_
