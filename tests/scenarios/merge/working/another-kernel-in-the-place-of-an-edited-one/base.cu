__global__ void quant_int8(const float* in, int8_t* out, float scale, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    float s = in[i] * scale;
    out[i] = static_cast<int8_t>(s);
  }
}
int t;
