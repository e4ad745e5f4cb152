int f(int x) {
<<<<<<< ours
  if (!(x > 0)) {
||||||| base
  if (x > 0) {
    prepare(x);
    a(x);
  } else {
=======
  if (x > 0) {
    prepare(x);
    a(x, 1);
  } else {
>>>>>>> theirs
    finish(x);
    b(x);
  } else {
    prepare(x);
    a(x);
  }
  return 0;
}
