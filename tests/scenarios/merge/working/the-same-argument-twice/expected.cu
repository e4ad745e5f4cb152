void f() {
<<<<<<< ours
  g(n, a, b, c, d, e);
||||||| base
  g(a, b, c, d, e);
=======
  g(a, b, c, d, e, n);
>>>>>>> theirs
}
