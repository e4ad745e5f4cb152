#pragma once

void norm(Tensor& out, Tensor& in);

void norm_fp8(Tensor& out, Tensor& in);

void scaled_norm(Tensor& out, Tensor& in,
                 double scale);

void rotary(Tensor& q);

<<<<<<< ours
#ifdef USE_HIP
int reduce(Tensor& x, int64_t rank);
||||||| base
#ifdef USE_ROCM
int reduce(Tensor& x, int rank);
=======
#ifdef USE_AMD
int reduce(Tensor& x, long rank);
>>>>>>> theirs
#endif
