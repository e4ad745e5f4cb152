template <typename T>
void Layer<T>::initialize() {
  Context::instance().reserve(workspace_size<T>(
      batch_, length_, heads_));

#ifndef USE_HIP
  if (half_v<T>) set_math_mode(handle_, TENSOR_OP);
#endif
}
