static const char * OP_NAME[OP_COUNT] = {
    "NONE",
    "DUP",
    "ADD",
    "MUL",
    "DIV",
    "SCALE",
};

static_assert(OP_COUNT == 6, "OP_COUNT != 6");

static const char * OP_SYMBOL[OP_COUNT] = {
    "none",
    "x",
    "x+y",
    "x*y",
    "x/y",
    "s*x",
};

static_assert(OP_COUNT == 6, "OP_COUNT != 6");
