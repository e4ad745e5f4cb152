enum Op { ADD, MOD, SUB, COUNT };
static const int cost[] = {3, 9, 5};
