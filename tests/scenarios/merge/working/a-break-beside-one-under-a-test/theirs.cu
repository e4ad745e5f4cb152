int f(int a, int b) {
  int x = b;
  switch (a) {
    case 1:
      if (b > 3) break;
      x *= 3;
      break;
    default:
      x -= 1;
  }
  return x;
}
