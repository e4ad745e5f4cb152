enum { LOW = 3, HIGH = 5 };
<<<<<<< ours
static const Row rows[] = {{4, HIGH}, {9, LOW}};
||||||| base
static const Row rows[] = {{1, LOW}, {4, HIGH}, {9, LOW}};
=======
static const Row rows[] = {{4, HIGH}, {9, LOW}, {1, LOW}};
>>>>>>> theirs
