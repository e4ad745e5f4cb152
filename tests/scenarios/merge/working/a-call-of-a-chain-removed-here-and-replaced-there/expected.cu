int f(int a, int c) {
<<<<<<< ours
  int x = V().add(c)
||||||| base
  int x = V().add(1)
      .add(c)
=======
  int x = V().mul(2)
      .add(c)
>>>>>>> theirs
      .mul(3).v;
  return x;
}
