void launch(Params &params) {
  bool fixed = params.fixed;
  if (params.looped) {
    if (fixed) {
      count(params);
      prepare(params);
      auto one = LoopedFirst{};
      one.run(Config{params.stream, 1});
    } else {
      auto two = LoopedSecond{};
      two.run(Config{params.stream, 2});
    }
  }
  else {
  if (fixed) {
    prepare(params);
    auto one = First{};
    one.run(Config{params.stream, 1});
  } else {
    auto two = Second{};
    two.run(Config{params.stream, 2});
  }
  }
}

int more();
int again();
