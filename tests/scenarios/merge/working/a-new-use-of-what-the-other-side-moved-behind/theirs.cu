static int down(int x, int by = 3);

static int up(int x) {
  return x + down(x);
}

static int down(int x, int by) {
  if (x > 90) x = up(x - 90);
  x -= by;
  return x;
}

int both(int x) {
  return up(x) * down(x);
}
