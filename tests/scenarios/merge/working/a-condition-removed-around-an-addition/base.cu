#pragma once

#include <cstdint>
#include <torch/all.h>

void paged_attention_v1(torch::Tensor& out, torch::Tensor& query);

void rms_norm(torch::Tensor& out, torch::Tensor& input,
              torch::Tensor& weight, double epsilon);

#ifndef USE_ROCM
torch::Tensor awq_gemm(torch::Tensor in, torch::Tensor kernel);
#endif
