void g(int k, int n) {
  switch (k) {
    case kA:
      a(n);
      break;
    case kZ:
      z(n);
      break;
    default:
      break;
  }
}
