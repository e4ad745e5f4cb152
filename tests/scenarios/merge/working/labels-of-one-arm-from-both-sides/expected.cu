int f(int a) {
  switch (a) {
    case A:
    case B:
    case D:
    case C:
      return 1;
    default:
      return 0;
  }
}
