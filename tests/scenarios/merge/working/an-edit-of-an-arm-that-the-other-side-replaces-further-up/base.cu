int f(int a, int b, int c) {
  int x = b;
  switch (a % 7) {
    case 1:
      x += step<8>(a);
      break;
    case 2:
      x += step<16>(b);
      break;
    case 3:
      x += step<24>(a);
      break;
    case 4:
      x += step<32>(a);
      break;
    default:
      x -= 1;
  }
  return x + c;
}
