class Stream {
 public:
  explicit Stream(int device) : device_(device) {
    cudaSetDevice(device_);
    cudaStreamCreate(&stream_);
  }

  ~Stream() { cudaStreamDestroy(stream_); }

  void synchronize() const { CUDA_CHECK(cudaStreamSynchronize(stream_)); }

  cudaStream_t get() const { return stream_; }

 private:
  int device_;
  cudaStream_t stream_;
};
