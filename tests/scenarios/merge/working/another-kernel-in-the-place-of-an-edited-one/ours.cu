__global__ void quant_fp8(const float* in, fp8_t* out, float scale, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    float s = in[i] * scale;
    out[i] = static_cast<fp8_t>(s);
  }
}
int t;
