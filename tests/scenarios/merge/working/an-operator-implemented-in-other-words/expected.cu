<<<<<<< ours
TORCH_LIBRARY_IMPL(old, CPU, m) {
  m.impl("lookup", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(lookup)));
}

TORCH_LIBRARY_IMPL(ext, CPU, m) {
  m.impl("lookup", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(lookup)));
||||||| base
TORCH_LIBRARY_IMPL(old, CPU, m) {
  m.impl("lookup", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(lookup)));
=======
TORCH_LIBRARY_FRAGMENT(old, m) {
  m.def("lookup(Tensor x) -> Tensor");
  DISPATCH_TO_CPU("lookup", lookup);
}

TORCH_LIBRARY_FRAGMENT(ext, m) {
  m.def("lookup(Tensor x) -> Tensor");
  DISPATCH_TO_CPU("lookup", lookup);
>>>>>>> theirs
}
