// What PyTorch's CUDA headers name of a library that the census does not need.
#pragma once
typedef struct cusolverDnContext *cusolverDnHandle_t;
