constexpr int N = 3;
static const int cost[N] = {3, 9, 5};
