static const Row t[] = {
  {"a", 1},
  {"b", 2},
  {"d", 4},
  {"c", 3},
};
