int drain(int n) {
  open(n);
<<<<<<< ours
  if (++tries > 3) return n;
||||||| base
=======
>>>>>>> theirs
  read(n);
  parse(n);
<<<<<<< ours
||||||| base
=======
  if (++tries > 3) return n;
>>>>>>> theirs
  close(n);
  return n;
}
