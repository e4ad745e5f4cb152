#include <string>

using std::max;
using std::string;

int widest(int a, int b) {
  return max(a, b);
}

string named(int a) {
  return string("n") + std::to_string(a);
}

int last(int a) {
  return a;
}
