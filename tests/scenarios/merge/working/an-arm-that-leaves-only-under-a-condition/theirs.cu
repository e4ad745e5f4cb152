void g(int k, int n) {
  switch (k) {
    case kA:
      a(n);
      break;
    case kB:
      if (n > 8) {
        return b(n);
      }
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
