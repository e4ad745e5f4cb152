// Blocks that macros open: one that the header defines, one by its arguments, and one of this file's.
#include "opened.hpp"

#include <stdexcept>

#define REPORT_SPACE namespace report { namespace text {
#define REPORT_SPACE_DONE }}

SHAPES_BEGIN

namespace {
int checked(int length) { return length < 0 ? 0 : length; }
}  // namespace

SHAPES_NAMESPACE_OPEN(detail)
template <int N>
int area_of(int length) { return N * checked(length); }
SHAPES_NAMESPACE_CLOSE(detail)

int area(int sides, int length) {
  switch (sides) {
    case 3: return detail::area_of<3>(length);
    case 4: return detail::area_of<4>(length);
    default: throw std::invalid_argument("sides");
  }
}

int sum(int a, int b) { return checked(a) + checked(b); }

int twice(int a) { return sum(a, a); }

SHAPES_END  // namespace shapes

REPORT_SPACE

int width(int a) { return shapes::twice(a) + 1; }

int height(int a) { return width(a) + shapes::sum(a, 2); }

REPORT_SPACE_DONE
