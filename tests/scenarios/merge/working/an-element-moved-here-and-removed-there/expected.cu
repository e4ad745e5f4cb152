<<<<<<< ours
static const int t[] = {2,
    3,
    1,
||||||| base
static const int t[] = {1,
    2,
    3,
=======
static const int t[] = {2,
    3,
>>>>>>> theirs
    LAST};
