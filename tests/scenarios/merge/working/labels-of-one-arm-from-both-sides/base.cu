int f(int a) {
  switch (a) {
    case A:
    case B:
      return 1;
    default:
      return 0;
  }
}
