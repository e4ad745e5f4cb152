int first(int x) { return x; }

int last(int x) { return x + 1; }
