enum E {
  A = 0,
  B = 1,
  Y = 9,
  X = 5,
};
