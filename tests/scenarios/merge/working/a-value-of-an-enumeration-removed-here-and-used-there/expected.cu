enum Op { ADD, SUB };

int cost(int op) {
  int x = 1;
  x += op;
  x *= 2;
  if (op == MUL) x += 4;
  return x;
}
