int pick(int a, int b, int c, int d) {
  int x = c < 9 ? d :
      k;
  return x;
}
