static int scaled(int x, int y, int z) { return x * 5 + y + z; }

int sum(int a, int b, int d) {
<<<<<<< ours
  int x = scaled(a, b);
  x ^= scaled(2, b);
  x += scaled(b, 3);
||||||| base
  int x = scaled(a, b);
  x += scaled(b, 3);
=======
  int x = scaled(a, b, d);
  x += scaled(b, 3, d);
>>>>>>> theirs
  return x + d;
}
