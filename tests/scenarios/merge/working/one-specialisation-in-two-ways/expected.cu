template <int N> struct Lanes { static const int count = N; };
<<<<<<< ours
||||||| base
=======
template <> struct Lanes<4> { static const int count = 8; };
>>>>>>> theirs
template <> struct Lanes<2> { static const int count = 9; };
<<<<<<< ours
template <> struct Lanes<4> {
  static const int count = 6;
};
||||||| base
=======
>>>>>>> theirs
int all() {
  return Lanes<1>::count + Lanes<2>::count;
}
