enum class T {
  HALF,
  BFLOAT  // brain
};
