constexpr int N = 3;
static const int cost[N] = {8, 3, 5};
