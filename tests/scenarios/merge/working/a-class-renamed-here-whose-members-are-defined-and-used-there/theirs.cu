#include "handler.h"

static int start() {
  prepare();
  if (is_warm()) keep(Handler(1));
  return 0;
}

Handler::Handler(int size) : size_(size) {}

void Handler::run(int n) {
  start();
  launch(n, size_);
}

int Handler::size() const { return size_; }
