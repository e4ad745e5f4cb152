enum DataType {
  kFloat = 0,
  kHalf = 1,
<<<<<<< ours
  kBFloat16 = 3,
  kInt8 = 2,
||||||| base
  kInt8 = 2,
=======
  kInt8 = 2,
  kFloat8 = 3,
>>>>>>> theirs
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
    case kFloat8:
      return "float8";
  }
  return "unknown";
}
