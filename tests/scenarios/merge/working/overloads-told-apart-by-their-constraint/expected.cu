template <typename T, std::enable_if_t<is_int<T>, int> = 0>
void put(T x) {
  one(x);
}

template <typename T>
void a(T x) {
  y(x);
}

void z() {
  y();
}

template <typename T, std::enable_if_t<is_float<T>, int> = 0>
void put(T x) {
  two(x);
}
