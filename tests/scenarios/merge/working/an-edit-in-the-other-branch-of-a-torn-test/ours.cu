int f(int x) {
  if (!(x < 5)) {
    store(x);
  } else {
    count(x);
    store(x);
  }
  return x;
}
