#pragma once

#define ROUND_UP(a, b) \
  (((a) + (b) - 1) / (b) * (b))

struct Shape {
  int rows;
  int columns;
  int stride;
};
