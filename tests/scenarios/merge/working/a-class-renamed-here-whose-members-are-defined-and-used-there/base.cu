#include "handler.h"

static int start() {
  prepare();
  return 0;
}

Handler::Handler(int size) : size_(size) {}

void Handler::run(int n) {
  start();
  launch(n, size_);
}

int Handler::size() const { return size_; }
