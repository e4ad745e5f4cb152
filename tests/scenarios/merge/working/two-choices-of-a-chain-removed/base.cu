int pick(int a, int b, int c, int d) {
  int x = a > 2 ? b :
      c < 9 ? d :
      a + b > 7 ? 11 :
      k;
  return x;
}
