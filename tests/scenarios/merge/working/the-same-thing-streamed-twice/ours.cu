void f(S& o) {
  o << name << a << b << c << d << e;
}
