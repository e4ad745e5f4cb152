<<<<<<< ours
enum Op { ADD, MUL, SUB, COUNT };
static const int cost[] = {3, 9, 5};
||||||| base
enum Op { ADD, SUB, COUNT };
static const int cost[] = {3, 5};
=======
enum Op { ADD, MOD, SUB, COUNT };
static const int cost[] = {3, 9, 5};
>>>>>>> theirs
