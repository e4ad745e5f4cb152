<<<<<<< ours
#define MIX(x, y) ((x) * 3 + (w) * 7)
||||||| base
#define MIX(x, y) ((x) * 3 + (y))
=======
#define MIX(x, y) ((x) * (y) + (x) * 3 + (y) + (x) * (y))
>>>>>>> theirs
