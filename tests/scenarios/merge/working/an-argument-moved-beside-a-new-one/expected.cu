int shape(int rows, int cols, int depth) {
<<<<<<< ours
  return volume(2, depth, rows, rows, stride(rows));
||||||| base
  return volume(2, rows, rows, depth, stride(rows));
=======
  return volume(2, rows, rows, depth, cols, stride(rows));
>>>>>>> theirs
}
