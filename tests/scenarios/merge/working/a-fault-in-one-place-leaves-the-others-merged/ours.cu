int width = 2;

void one(int a, int b) {
  start(a);
  put(stream, a, b);
  stop(b);
}

void two(int a, int b) {
  begin(a);
  send(a, b);
  end(b);
}
