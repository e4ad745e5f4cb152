void run(int n) {
  open(n);
  for (int i = 0; i < n; ++i) {
<<<<<<< ours
||||||| base
    fold(i);
=======
    clear(i);
    fold(i);
>>>>>>> theirs
    shift(i);
    fold(i);
  }
  close(n);
}
