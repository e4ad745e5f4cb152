enum E {
  A = 0,
<<<<<<< ours
  X = 5,
||||||| base
=======
  Y = 9,
>>>>>>> theirs
  B,
};
