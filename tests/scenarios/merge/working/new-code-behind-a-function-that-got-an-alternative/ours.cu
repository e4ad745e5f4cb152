namespace jax {

int zero();

int forward(int n);

#ifndef USE_ROCM
int backward(int n);
#else
int backward(long n);
#endif

}  // namespace jax
