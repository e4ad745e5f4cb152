namespace jax {

int zero();

int forward(int n);

int backward(int n);

int both(int n, int m);

}  // namespace jax
