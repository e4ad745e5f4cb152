#include "gptq.cuh"
#include "gptq_types.cuh"

int a(int x) {
  return x + 1;
}
