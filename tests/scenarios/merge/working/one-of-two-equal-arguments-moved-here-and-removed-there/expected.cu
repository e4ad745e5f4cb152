int f(int a, int b) {
<<<<<<< ours
  return h(a, 2, p[b]);
||||||| base
  return h(a, 2, p[b], 2);
=======
  return h(2, a, 2, p[b]);
>>>>>>> theirs
}
