<<<<<<< ours
int f(int a, int b) {
  int x = 1;
||||||| base
int f(int a, int b) {
  int x = 1;
  x ^= b;
=======
void part(int& x, int a, int b) {
>>>>>>> theirs
  x = x * 3;
  if (b > 3) {
    x ^= b;
    x += 7;
    x ^= b;
    x *= 2;
  }
}
int f(int a, int b) {
  int x = 1;
  part(x, a, b);
  x -= a;
  return x;
}
