<<<<<<< ours
constexpr int N = 3;
static const int cost[N] = {3, 9, 5};
||||||| base
constexpr int N = 2;
static const int cost[N] = {3, 5};
=======
constexpr int N = 3;
static const int cost[N] = {8, 3, 5};
>>>>>>> theirs
