__global__ void first(int n) {
  if (n > 0) {
    load(n);
    sync();
    store(n);
  }
}

int last();
