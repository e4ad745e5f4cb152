int width = 4;

void one(int a, int b) {
  start(a);
  put(a, b, stream);
  stop(b);
}

void two(int a, int b) {
  begin(a);
  send(a,
       b, true);
  end(b);
}
