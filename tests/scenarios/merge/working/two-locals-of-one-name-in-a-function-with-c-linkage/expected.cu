extern "C" void launch(const void* x, int batch,
                       cudaStream_t stream) {
<<<<<<< ours
  float scale = 1.f;
||||||| base
=======
>>>>>>> theirs
  const Params params{x, batch};
  const Grid grid{params,
                  stream};
  dispatch(params, grid);
<<<<<<< ours
||||||| base
=======
  int scale = 2;
>>>>>>> theirs
}
