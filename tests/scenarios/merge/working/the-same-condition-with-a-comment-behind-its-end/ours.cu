void f(Args& a) {
  a.m = 1;
#ifdef USE_HIP
  hip_call(a.m, a.n);
#else
  call(a.m, a.n);
#endif
  done(a);
  a.k = 2;
}
