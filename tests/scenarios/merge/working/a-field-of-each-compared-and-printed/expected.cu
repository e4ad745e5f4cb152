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
  bool local = false;

  bool operator==(const Config& o) const {
    return block_m == o.block_m && block_n == o.block_n && causal == o.causal && splits == o.splits && local == o.local;
  }
};

std::ostream& operator<<(std::ostream& os, const Config& c) {
<<<<<<< ours
  return os << "Config{m=" << c.block_m << ", n=" << c.block_n << ", causal=" << c.causal << ", local=" << c.local << "}";
||||||| base
  return os << "Config{m=" << c.block_m << ", n=" << c.block_n << ", causal=" << c.causal << "}";
=======
  return os << "Config{m=" << c.block_m << ", n=" << c.block_n << ", causal=" << c.causal << ", splits=" << c.splits << "}";
>>>>>>> theirs
}
