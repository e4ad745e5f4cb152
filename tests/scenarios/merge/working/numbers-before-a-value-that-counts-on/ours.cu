enum E {
  A = 0,
  X = 5,
  B,
};
