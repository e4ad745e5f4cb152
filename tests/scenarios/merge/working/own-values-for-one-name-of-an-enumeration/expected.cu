enum Op { ADD, MUL, SUB, COUNT };
static const int cost[] = {
    3,
<<<<<<< ours
    9,
||||||| base
=======
    8,
>>>>>>> theirs
    5,
};
