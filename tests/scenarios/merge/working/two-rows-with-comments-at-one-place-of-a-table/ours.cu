static const int codes[] = {
  3,  // three
  2,  // it's two
  5,  // five
  8,  // eight
};
