void f(S& o) {
<<<<<<< ours
  o << name << a << b << c << d << e;
||||||| base
  o << a << b << c << d << e;
=======
  o << a << b << c << d << e << name;
>>>>>>> theirs
}
