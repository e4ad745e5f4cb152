static const int codes[] = {
  3,  // three
  6, 7,
  5,  // five
  8,  // eight
};
