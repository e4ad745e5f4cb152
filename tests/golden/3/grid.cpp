// A switch in the arms of a switch: kernels by rows and columns.
#include "grid.hpp"

#include <stdexcept>

namespace grid {

template <int Rows, int Columns>
int cells(int x) {
  return Rows * Columns + x;
}

int run(int rows, int columns, int x) {
  switch (rows) {
    case 1:
      switch (columns) {
        case 32:
          return cells<1, 32>(x);
        case 64:
        case 65:
          return cells<1, 64>(x);
        default:
          throw std::invalid_argument("columns");
      }
    case 2:
      switch (columns) {
        case 32:
          return cells<2, 32>(x);
        case 64:
          return cells<2, 64>(x);
        default:
          throw std::invalid_argument("columns");
      }
    case 3:
      return x;
    default:
      throw std::invalid_argument("rows");
  }
}

float fill(int rows, int columns, float x) {
  float sum = 0;
#define FILL(R, C)                   \
  for (int row = 0; row < R; ++row) { \
    sum += static_cast<float>(C) * x; \
  }
  switch (rows) {
    case 1:
      if (columns == 32) {
        FILL(1, 32)
      } else if (columns == 64) {
        FILL(1, 64)
      }
      break;
    case 2:
      switch (columns) {
        case 32:
          FILL(2, 32)
          break;
        default:
          sum = -x;
      }
      break;
    default:
      break;
  }
#undef FILL
  return sum;
}

}  // namespace grid
