int pick(int size) {
  switch (size) {
    case 32:
    case 48:
      return small();
    case 64:
      return medium();
    case 128:
      return large();
    default:
      return any(size);
  }
}
