enum E {
  A,
  B,
  D,
  C,
  COUNT
};
