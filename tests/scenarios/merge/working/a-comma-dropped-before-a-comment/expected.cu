<<<<<<< ours
static const T t[] = {BFLOAT,  // comment
    POSIX,
||||||| base
static const T t[] = {BFLOAT,  // comment
=======
static const T t[] = {BFLOAT  // comment
>>>>>>> theirs
};
