enum E {
  A,
  B,
  C,
  COUNT
};
