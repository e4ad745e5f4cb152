static const int t[] = {2,
    3,
    1,
    LAST};
