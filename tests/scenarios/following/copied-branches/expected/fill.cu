#include "common.h"

void fill_some(float* out, int n, Kind kind);
void fill_twice(float* out, int n, Kind kind);

void fill(float* out, int n, Kind kind) {
  if (kind == Kind::Some) {
    fill_some(out, n, kind);
  } else {
    fill_twice(out, n, kind);
  }
}
