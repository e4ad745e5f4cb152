void forward(Handle handle, int m, int n, const half* a, half* c) {
<<<<<<< ours
  OLD_CHECK(gemm_ex(handle, m, n, a, KIND_16, c, KIND_16));
||||||| base
  OLD_CHECK(set_math_mode(handle, FAST_MATH));
  OLD_CHECK(gemm(handle, m, n, a, KIND_16, c, KIND_16));
=======
  NEW_CHECK(set_math_mode(handle, FAST_MATH));
  OLD_CHECK(gemm(handle, m, n, a, KIND_16, c, KIND_16));
>>>>>>> theirs
  scale(c, n);
<<<<<<< ours
  OLD_CHECK(gemm_ex(handle, n, m, c, KIND_16, c, KIND_16));
||||||| base
  OLD_CHECK(gemm(handle, n, m, c, KIND_16, c, KIND_16));
  OLD_CHECK(set_math_mode(handle, PLAIN_MATH));
=======
  OLD_CHECK(gemm(handle, n, m, c, KIND_16, c, KIND_16));
  NEW_CHECK(set_math_mode(handle, PLAIN_MATH));
>>>>>>> theirs
  OLD_CHECK(finish(handle));
}
