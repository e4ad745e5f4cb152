const char* name(int op) {
  switch (op) {
    case ADD: return "add";
    case SUB: return "sub";
    case MUL: return "mul";
    default: abort();
  }
}
