enum DataType {
  kFloat = 0,
  kHalf = 1,
  kBFloat16 = 3,
  kInt8 = 2,
};

const char* ToString(DataType t) {
  switch (t) {
    case kFloat:
      return "float";
    case kHalf:
      return "half";
    case kBFloat16:
      return "bfloat16";
    case kInt8:
      return "int8";
  }
  return "unknown";
}
