#include "handler.h"

static int start() {
  prepare();
  if (is_warm()) keep(Handler(1));
  return 0;
}

PackedHandler::PackedHandler(int size) : size_(size) {}

void PackedHandler::run(int n) {
  start();
  launch(n, size_);
}

int PackedHandler::size() const { return size_; }
