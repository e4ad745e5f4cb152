int pick(int size) {
  switch (size) {
    case 32:
      return small();
    case 64:
      return medium();
    case 48:
    case 128:
      return large();
    default:
      return any(size);
  }
}
