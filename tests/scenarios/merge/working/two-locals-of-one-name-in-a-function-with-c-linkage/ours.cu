extern "C" void launch(const void* x, int batch,
                       cudaStream_t stream) {
  float scale = 1.f;
  const Params params{x, batch};
  const Grid grid{params,
                  stream};
  dispatch(params, grid);
}
