#include <string>

using std::max;
using std::string;

int widest(int a, int b) {
  return a < b ? b : a;
}

string named(int a) {
  return "n" + std::to_string(a);
}

int last(int a) {
  string told = named(a);
  return max(a, int(told.size()));
}
