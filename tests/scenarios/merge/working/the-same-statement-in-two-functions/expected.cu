__global__ void first(int n) {
  if (n > 1) {
    load(n);
    sync();
    store(n);
    sync();
  }
}

__global__ void second(int n) {
  while (n > 0) {
    sync();
    store(n);
    sync();
  }
}

int last();
