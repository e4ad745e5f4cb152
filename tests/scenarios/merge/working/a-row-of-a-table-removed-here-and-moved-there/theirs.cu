enum { LOW = 3, HIGH = 5 };
static const Row rows[] = {{4, HIGH}, {9, LOW}, {1, LOW}};
