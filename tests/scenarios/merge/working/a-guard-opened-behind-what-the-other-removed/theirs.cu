template <typename T>
void Layer<T>::initialize() {
  if (half_v<T>) set_math_mode(handle_, TENSOR_OP);
}
