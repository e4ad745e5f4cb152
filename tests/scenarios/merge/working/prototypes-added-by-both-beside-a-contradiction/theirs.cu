#pragma once

void norm(Tensor& out, Tensor& in);

void norm_fp8(Tensor& out, Tensor& in);

void rotary(Tensor& q);

#ifdef USE_AMD
int reduce(Tensor& x, long rank);
#endif
