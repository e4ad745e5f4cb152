int width = 1;

void one(int a, int b) {
  start(a);
  put(a, b);
  stop(b);
}

void two(int a, int b) {
  begin(a);
  send(a,
       b);
  end(b);
}
