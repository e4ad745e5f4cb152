enum E {
  A,
  B,
  D,
  COUNT
};
