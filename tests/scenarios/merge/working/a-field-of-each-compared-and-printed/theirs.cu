enum class Op : int {
  Add = 0,
  Sub,
  Mul,
};

struct Config {
  int block_m = 64;
  int block_n = 64;
  bool causal = false;
  int splits = 1;

  bool operator==(const Config& o) const {
    return block_m == o.block_m && block_n == o.block_n && causal == o.causal && splits == o.splits;
  }
};

std::ostream& operator<<(std::ostream& os, const Config& c) {
  return os << "Config{m=" << c.block_m << ", n=" << c.block_n << ", causal=" << c.causal << ", splits=" << c.splits << "}";
}
