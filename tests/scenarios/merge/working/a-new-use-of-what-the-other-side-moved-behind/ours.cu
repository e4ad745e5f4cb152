static int down(int x, int by = 3);

static int down(int x, int by) {
  x -= by;
  return x;
}

static int up(int x) {
  return x + down(x);
}

int both(int x) {
  return up(x) * down(x);
}
