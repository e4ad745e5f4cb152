"""mergeguard: keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if they were not."""

__version__ = "0.1.0"
