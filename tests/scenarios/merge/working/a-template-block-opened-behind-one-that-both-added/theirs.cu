Tensor f({{ type }} x) {
  prepare(x);
  {% if not dense %}
    if (is_fast(x)) {
        return fast(x);
    }
  {% endif %}
  return dispatch(x);
}
