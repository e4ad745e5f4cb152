static const char * OP_NAME[OP_COUNT] = {
    "NONE",
    "DUP",
    "ADD",
    "MUL",
    "SCALE",
};

static_assert(OP_COUNT == 5, "OP_COUNT != 5");

static const char * OP_SYMBOL[OP_COUNT] = {
    "none",
    "x",
    "x+y",
    "x*y",
    "s*x",
};

static_assert(OP_COUNT == 5, "OP_COUNT != 5");
