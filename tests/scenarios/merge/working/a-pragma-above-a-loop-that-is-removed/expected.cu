int f(int x) {
  prepare(x);
<<<<<<< ours
#pragma unroll 2
  for (int i = 0; i < x; ++i) {
    g(i);
  }
||||||| base
  for (int i = 0; i < x; ++i) {
    g(i);
  }
=======
>>>>>>> theirs
  return 0;
}
