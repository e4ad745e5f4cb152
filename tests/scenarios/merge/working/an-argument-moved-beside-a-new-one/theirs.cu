int shape(int rows, int cols, int depth) {
  return volume(2, rows, rows, depth, cols, stride(rows));
}
