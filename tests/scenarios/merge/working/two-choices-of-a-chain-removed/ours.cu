int pick(int a, int b, int c, int d) {
  int x = c < 9 ? d :
      a + b > 7 ? 11 :
      k;
  return x;
}
