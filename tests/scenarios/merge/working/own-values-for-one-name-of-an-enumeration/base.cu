enum Op { ADD, SUB, COUNT };
static const int cost[] = {
    3,
    5,
};
