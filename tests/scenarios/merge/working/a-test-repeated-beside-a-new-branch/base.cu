int tile_of(int m, int n, int k) {
  int tile = 16;
  if (m > 512) {
    tile = 128;
  } else if (n < 64) {
    tile /= 2;
    tile |= 1;
  } else if (k == 8) {
    tile = 8;
  } else {
    tile = 32;
  }
  return tile;
}
