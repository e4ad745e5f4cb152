int pick(int a, int b, int c) {
  if (a > 2) {
    return first(a);
  } else if (c == 6) {
    a ^= b;
  } else if (a + c > 5) {
    a = wide(c);
  } else {
    a -= c;
  }
  return a;
}
