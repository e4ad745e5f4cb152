namespace jax {

int zero();

#ifndef USE_ROCM
int forward(int n);

int backward(int n);
#endif

}  // namespace jax
