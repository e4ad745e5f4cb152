// What PyTorch's build writes into its CUDA headers; a CPU wheel has none.
#pragma once
#define C10_CUDA_BUILD_SHARED_LIBS
