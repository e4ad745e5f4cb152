void f(Args& a) {
  a.m = 1;
  call(a.m, a.n);
  done(a);
  a.k = 2;
}
