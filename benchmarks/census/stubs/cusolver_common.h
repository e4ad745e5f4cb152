// What PyTorch's CUDA headers name of a library that the census does not need.
#pragma once
typedef enum { CUSOLVER_STATUS_SUCCESS = 0 } cusolverStatus_t;
