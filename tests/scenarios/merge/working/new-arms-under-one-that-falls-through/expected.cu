void g(int k, int n) {
  switch (k) {
    case kA:
      n += a(n);
      [[fallthrough]];
<<<<<<< ours
    case kQ:
      return q(n);
||||||| base
=======
    case kB:
      return b(n);
>>>>>>> theirs
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
