Tensor f({{ type }} x) {
  prepare(x);
  return dispatch(x);
}
