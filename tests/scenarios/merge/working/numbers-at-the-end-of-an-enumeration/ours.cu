enum E {
  A = 0,
  B = 1,
  X = 5,
};
