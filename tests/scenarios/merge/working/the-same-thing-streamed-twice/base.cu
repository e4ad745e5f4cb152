void f(S& o) {
  o << a << b << c << d << e;
}
