#define FOR_EACH_TYPE(V)  \
  V(float, Float)         \
  V(double, Double)       \
  V(int32_t, Int32)       \
  V(uint8_t, UInt8)

#define DECLARE(T, N) void Launch##N(const T* x, T* y, int n);
FOR_EACH_TYPE(DECLARE)
#undef DECLARE

int CountTypes() {
  int n = 0;
#define COUNT(T, N) n++;
  FOR_EACH_TYPE(COUNT)
#undef COUNT
  return n;
}
