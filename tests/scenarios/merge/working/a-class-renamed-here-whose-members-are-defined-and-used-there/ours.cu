#include "handler.h"

static int start() {
  prepare();
  return 0;
}

PackedHandler::PackedHandler(int size) : size_(size) {}

void PackedHandler::run(int n) {
  start();
  launch(n, size_);
}

int PackedHandler::size() const { return size_; }
