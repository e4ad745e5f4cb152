static int choose(int a, int b, int c, int d) {
  return a > 2 ? c :
      a > 2 ? b :
      c < 9 ? d :
      4;
}
