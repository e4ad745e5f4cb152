enum E {
  A,
  B,
  COUNT
};
