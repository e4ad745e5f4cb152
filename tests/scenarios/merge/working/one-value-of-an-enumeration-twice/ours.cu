enum Kind {
  A,
  E = 2,
  B = 4,
  C,
  D,
};
