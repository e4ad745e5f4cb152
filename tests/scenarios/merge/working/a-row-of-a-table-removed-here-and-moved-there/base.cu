enum { LOW = 3, HIGH = 5 };
static const Row rows[] = {{1, LOW}, {4, HIGH}, {9, LOW}};
