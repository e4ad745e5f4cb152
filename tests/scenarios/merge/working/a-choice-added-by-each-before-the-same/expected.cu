static int choose(int a, int b, int c, int d) {
<<<<<<< ours
  return a > 2 ? c :
      a > 2 ? b :
||||||| base
  return a > 2 ? b :
=======
  return a == 1 ? c :
      a > 2 ? b :
>>>>>>> theirs
      c < 9 ? d :
      4;
}
