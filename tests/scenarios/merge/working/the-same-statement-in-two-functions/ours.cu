__global__ void first(int n) {
  if (n > 1) {
    load(n);
    sync();
    store(n);
    sync();
  }
}

int last();
