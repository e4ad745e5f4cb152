enum class T {
  HALF,
<<<<<<< ours
  BFLOAT,  // brain
  POSIX,
||||||| base
  BFLOAT,  // brain
=======
  BFLOAT  // brain
>>>>>>> theirs
};
