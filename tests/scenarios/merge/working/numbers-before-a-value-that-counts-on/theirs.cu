enum E {
  A = 0,
  Y = 9,
  B,
};
