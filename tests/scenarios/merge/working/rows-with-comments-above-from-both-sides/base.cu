static const struct {
  const char* name;
  int bits;
  bool is_float;
} kTypes[] = {
    {"f32", 32, true},
    {"f16", 16, true},
    {"i8", 8, false},
};

constexpr std::array<int, 3> kSizes = {4, 2, 1};

int lookup(const char* name) {
  for (const auto& t : kTypes) {
    if (strcmp(t.name, name) == 0) return t.bits;
  }
  return -1;
}
