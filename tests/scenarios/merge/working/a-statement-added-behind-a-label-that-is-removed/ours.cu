int f(int x) {
  switch (x) {
    case 1:
      return g(x);
    case 2:
      h(x);
      log(x);
      break;
  }
  return 0;
}
