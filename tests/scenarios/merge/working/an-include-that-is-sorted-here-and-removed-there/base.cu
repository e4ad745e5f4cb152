#pragma once
#include <string>
#include <cctype>
#include <vector>

int parse(int x) {
  return x + 1;
}
