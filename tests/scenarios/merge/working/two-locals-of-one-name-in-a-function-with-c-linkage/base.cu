extern "C" void launch(const void* x, int batch,
                       cudaStream_t stream) {
  const Params params{x, batch};
  const Grid grid{params,
                  stream};
  dispatch(params, grid);
}
