constexpr int N = 2;
static const int cost[N] = {3, 5};
