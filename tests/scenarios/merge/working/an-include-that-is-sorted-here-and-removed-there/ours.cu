#pragma once
#include <cctype>
#include <string>
#include <vector>

int parse(int x) {
  return x + 1;
}
