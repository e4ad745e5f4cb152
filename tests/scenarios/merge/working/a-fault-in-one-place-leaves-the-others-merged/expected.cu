<<<<<<< ours
int width = 2;
||||||| base
int width = 1;
=======
int width = 4;
>>>>>>> theirs

void one(int a, int b) {
  start(a);
<<<<<<< ours
  put(stream, a, b);
||||||| base
  put(a, b);
=======
  put(a, b, stream);
>>>>>>> theirs
  stop(b);
}

void two(int a, int b) {
  begin(a);
  send(a, b, true);
  end(b);
}
