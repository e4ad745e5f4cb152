int f(int x, int b, int c) {
<<<<<<< ours
  if (!(b < 5)) {
||||||| base
  if (b < 5) {
=======
  if (b < 5) {
    x += g(b);
>>>>>>> theirs
    x ^= c;
    b = b + c;
  } else {
    x ^= c;
  }
  return x + b;
}
