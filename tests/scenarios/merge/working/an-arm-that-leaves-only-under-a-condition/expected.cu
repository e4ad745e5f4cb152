void g(int k, int n) {
  switch (k) {
    case kA:
      a(n);
      break;
<<<<<<< ours
    case kQ:
      return q(n);
||||||| base
=======
    case kB:
      if (n > 8) {
        return b(n);
      }
>>>>>>> theirs
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
