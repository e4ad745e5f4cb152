#define MIX(x, y) ((x) * (y) + (x) * 3 + (y) + (x) * (y))
