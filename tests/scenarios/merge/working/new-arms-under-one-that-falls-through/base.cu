void g(int k, int n) {
  switch (k) {
    case kA:
      n += a(n);
      [[fallthrough]];
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
