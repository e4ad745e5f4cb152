enum Kind {
  A,
<<<<<<< ours
  E = 2,
  B = 4,
  C,
  D,
||||||| base
  B = 4,
  C,
  D,
=======
  B = 4,
  C,
  D,
  E = 9,
>>>>>>> theirs
};
