int pick(int size) {
  switch (size) {
    case 32:
<<<<<<< ours
    case 48:
||||||| base
=======
>>>>>>> theirs
      return small();
    case 64:
      return medium();
<<<<<<< ours
||||||| base
=======
    case 48:
>>>>>>> theirs
    case 128:
      return large();
    default:
      return any(size);
  }
}
