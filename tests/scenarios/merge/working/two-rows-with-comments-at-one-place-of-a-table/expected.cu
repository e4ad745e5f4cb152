static const int codes[] = {
  3,  // three
<<<<<<< ours
  2,  // it's two
||||||| base
=======
  6, 7,
>>>>>>> theirs
  5,  // five
  8,  // eight
};
