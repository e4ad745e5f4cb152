int pick(int a, int b, int c) {
  if (a > 2) {
    return first(a);
  } else if (c == 6) {
    a ^= b;
  } else {
    a -= c;
  }
  return a;
}
