static const R t[] = {
  {2, 1},
  {1, 1},
  {1, 4},
};
