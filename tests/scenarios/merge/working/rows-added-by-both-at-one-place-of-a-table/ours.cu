static const Row t[] = {
  {"a", 1},
  {"b", 2},
  {"c", 3},
};
