void launch(Params &params) {
  bool fixed = params.fixed;
  if (fixed) {
    count(params);
    prepare(params);
    auto one = First{};
    one.run(Config{params.stream, 1});
  } else {
    auto two = Second{};
    two.run(Config{params.stream, 2});
  }
}

int more();
int again();
