int f(int x) {
  if (x < 5) {
    count(x);
    store(x);
  } else {
    store(x);
    flush(x);
  }
  return x;
}
