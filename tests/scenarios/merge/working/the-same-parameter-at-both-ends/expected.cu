int total(int num_splits);

<<<<<<< ours
void f(int num_splits, int a, int b, float c, float d) {
||||||| base
void f(int a, int b, float c, float d) {
=======
void f(int a, int b, float c, float d, int num_splits = 0) {
>>>>>>> theirs
  run(a, b);
}
