void g(int k, int n) {
  switch (k) {
    case kA:
      n += a(n);
      [[fallthrough]];
    case kQ:
      return q(n);
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
