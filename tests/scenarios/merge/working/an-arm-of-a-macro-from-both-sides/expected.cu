void launch(int n, float* x) {
  switch (n) {
    LAUNCH(32, 4)
<<<<<<< ours
    LAUNCH(48, 4)
||||||| base
=======
>>>>>>> theirs
    LAUNCH(64, 8)
    LAUNCH(128, 8)
<<<<<<< ours
||||||| base
=======
    LAUNCH(48, 6)
>>>>>>> theirs
    default: fail(n);
  }
}
