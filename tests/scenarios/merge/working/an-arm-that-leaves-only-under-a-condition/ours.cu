void g(int k, int n) {
  switch (k) {
    case kA:
      a(n);
      break;
    case kQ:
      return q(n);
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
