#pragma once
#include <string>
#include <vector>

int parse(int x) {
  return x + 2;
}
