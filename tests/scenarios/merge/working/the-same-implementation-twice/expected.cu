TORCH_LIBRARY_IMPL(ext, CUDA, m) {
<<<<<<< ours
  m.impl("x", torch::kCUDA, &x);
||||||| base
=======
>>>>>>> theirs
  m.impl("a", &a);
  m.impl("b", &b);
  m.impl("c", &c);
<<<<<<< ours
||||||| base
=======
  m.impl("x", &x);
>>>>>>> theirs
}
