static const int t[] = {1,
    2,
    3,
    LAST};
