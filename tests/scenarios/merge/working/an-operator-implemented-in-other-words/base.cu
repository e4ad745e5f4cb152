TORCH_LIBRARY_IMPL(old, CPU, m) {
  m.impl("lookup", torch::dispatch(c10::DispatchKey::CPU, TORCH_FN(lookup)));
}
