static const int codes[] = {
  3,  // three
  5,  // five
  8,  // eight
};
