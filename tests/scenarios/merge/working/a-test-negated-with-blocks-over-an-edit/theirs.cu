int f(int x) {
  if (x > 0) {
    prepare(x);
    a(x, 1);
  } else {
    finish(x);
    b(x);
  }
  return 0;
}
