#define MIX(x, y) ((x) * 3 + (w) * 7)
