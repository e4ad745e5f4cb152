void g(int k, int n) {
  switch (k) {
    case kD:
      count++;
      check(p);
      store(q, acc);
      break;
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
<<<<<<< ours
||||||| base
    case kD:
      count++;
      check(p);
      store(q, acc);
      break;
=======
    case kD:
      count++;
      check(p);
      store(xt, q, acc);
      break;
>>>>>>> theirs
    default:
      break;
  }
}
