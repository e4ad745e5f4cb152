int f(int x) {
  switch (x) {
    case 1:
      return g(x);
<<<<<<< ours
    case 2:
      h(x);
      log(x);
||||||| base
    case 2:
      h(x);
=======
>>>>>>> theirs
      break;
  }
  return 0;
}
