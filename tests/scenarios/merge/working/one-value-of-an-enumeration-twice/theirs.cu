enum Kind {
  A,
  B = 4,
  C,
  D,
  E = 9,
};
