void launch(Params &params) {
  bool fixed = params.fixed;
  if (fixed) {
    count(params);
    prepare(params);
    auto one = First{};
    one.run(Config{nullptr, 1});
  } else {
    auto two = Second{};
    two.run(Config{nullptr, 2});
  }
}

int more();
