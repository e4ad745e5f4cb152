#pragma once

void norm(Tensor& out, Tensor& in);

void rotary(Tensor& q);

#ifdef USE_ROCM
int reduce(Tensor& x, int rank);
#endif
