int f(int x) {
  switch (x) {
    case 1:
      return g(x);
      break;
  }
  return 0;
}
