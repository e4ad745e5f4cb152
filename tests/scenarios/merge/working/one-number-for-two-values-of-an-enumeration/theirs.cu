enum DataType {
  kFloat = 0,
  kHalf = 1,
  kInt8 = 2,
  kFloat8 = 3,
};

const char* ToString(DataType t) {
  switch (t) {
    case kFloat:
      return "float";
    case kHalf:
      return "half";
    case kInt8:
      return "int8";
    case kFloat8:
      return "float8";
  }
  return "unknown";
}
