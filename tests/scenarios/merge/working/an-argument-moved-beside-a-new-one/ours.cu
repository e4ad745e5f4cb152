int shape(int rows, int cols, int depth) {
  return volume(2, depth, rows, rows, stride(rows));
}
