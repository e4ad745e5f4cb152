void f(int64_t rows, int64_t columns, float scale, float bias) {
  run(rows, columns);
}
