static const T t[] = {BFLOAT  // comment
};
