#pragma once

void norm(Tensor& out, Tensor& in);

void scaled_norm(Tensor& out, Tensor& in,
                 double scale);

void rotary(Tensor& q);

#ifdef USE_HIP
int reduce(Tensor& x, int64_t rank);
#endif
