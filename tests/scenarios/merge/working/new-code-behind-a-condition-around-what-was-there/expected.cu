namespace jax {

int zero();

#ifndef USE_ROCM
int forward(int n);

int backward(int n);
#endif

int both(int n, int m);

}  // namespace jax
