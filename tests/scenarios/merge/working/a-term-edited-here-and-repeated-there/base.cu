#define MIX(x, y) ((x) * 3 + (y))
