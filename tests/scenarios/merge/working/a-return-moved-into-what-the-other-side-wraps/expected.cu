int f(int a, int x) {
  start();
<<<<<<< ours
  if (a > 1) {
    x += 3;
    for (int i = 0; i < 3; ++i) {
      x = x * 3 + i;
    }
||||||| base
  x += 3;
  for (int i = 0; i < 3; ++i) {
    x = x * 3 + i;
=======
  x += 3;
  return x + a;
  for (int i = 0; i < 3; ++i) {
    x = x * 3 + i;
>>>>>>> theirs
  }
}
