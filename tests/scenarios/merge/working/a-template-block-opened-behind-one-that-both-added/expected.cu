Tensor f({{ type }} x) {
  prepare(x);
<<<<<<< ours
  {% if not dense %}
	if (is_fast(x)) {
		return fast(x);
	}
  {% endif %}
  {% if not dense %}
||||||| base
=======
  {% if not dense %}
    if (is_fast(x)) {
        return fast(x);
    }
  {% endif %}
>>>>>>> theirs
  return dispatch(x);
}
