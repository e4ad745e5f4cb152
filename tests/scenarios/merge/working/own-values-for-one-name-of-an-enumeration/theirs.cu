enum Op { ADD, MUL, SUB, COUNT };
static const int cost[] = {
    3,
    8,
    5,
};
