"""What a C++/CUDA/HIP file is made of."""
