class Stream {
 public:
  explicit Stream(int device) : device_(device) {
    cudaSetDevice(device_);
    cudaStreamCreate(&stream_);
  }

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ~Stream() { cudaStreamDestroy(stream_); }

  void synchronize() const { cudaStreamSynchronize(stream_); }

  cudaStream_t get() const { return stream_; }

 private:
  int device_;
  cudaStream_t stream_;
};
