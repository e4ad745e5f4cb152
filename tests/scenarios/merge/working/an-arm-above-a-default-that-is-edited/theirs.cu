const char* name(int op) {
  switch (op) {
    case ADD: return "add";
    case SUB: return "sub";
    case MUL: return "mul";
    case MOD: return "mod";
    default: return "?";
  }
}
