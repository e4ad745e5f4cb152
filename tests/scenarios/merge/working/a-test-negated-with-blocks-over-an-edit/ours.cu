int f(int x) {
  if (!(x > 0)) {
    finish(x);
    b(x);
  } else {
    prepare(x);
    a(x);
  }
  return 0;
}
