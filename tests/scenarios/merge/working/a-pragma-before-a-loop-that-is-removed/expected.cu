void run(int n) {
  open(n);
<<<<<<< ours
||||||| base
  for (int i = 0; i < n; ++i) {
    fold(i);
    shift(i);
  }
=======
#pragma unroll
  for (int i = 0; i < n; ++i) {
    fold(i);
    shift(i);
  }
>>>>>>> theirs
  close(n);
}
