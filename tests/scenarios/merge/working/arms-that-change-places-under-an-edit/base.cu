void g(int k, int n) {
  switch (k) {
    case kC:
      count++;
      check(p);
      store(q, acc);
      break;
    case kB:
      count++;
      check(p);
      store(q, acc);  // note
      break;
    case kD:
      count++;
      check(p);
      store(q, acc);
      break;
    default:
      break;
  }
}
