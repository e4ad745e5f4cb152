int f(int x) {
<<<<<<< ours
  if (!(x < 5)) {
    store(x);
  } else {
    count(x);
    store(x);
||||||| base
  if (x < 5) {
    count(x);
    store(x);
  } else {
    store(x);
=======
  if (x < 5) {
    count(x);
    store(x);
  } else {
    store(x);
    flush(x);
>>>>>>> theirs
  }
  return x;
}
