void g(int k, int n) {
  switch (k) {
    case kA:
      n += a(n);
      [[fallthrough]];
    case kB:
      return b(n);
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
