__device__ __forceinline__ float warp_sum(float v) {
<<<<<<< ours
  for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(0xffffffffu, v, o);
||||||| base
  for (int o = 32; o > 0; o >>= 1) v += __shfl_xor(v, o);
=======
  for (int o = 32; o > 0; o >>= 1) v += __shfl_xor(v, o, 64);
>>>>>>> theirs
  return v;
}
