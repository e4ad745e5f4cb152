void f(Args& a) {
  a.m = 3;
#ifdef USE_HIP
  hip_call(a.m, a.n);
#else
  call(a.m, a.n);
#endif  // USE_HIP
  done(a);
  a.k = 2;
}
