// A translation unit that is heavy for any C++17 compiler: each of five values of N instantiates
// ROWS x 500 class templates, which the front end keeps in memory until it ends. Of the shape of
// vLLM's skinny GEMMs: a launcher template, and a host function whose switch picks the instantiation.
#include <cstdio>
#include <utility>

#ifndef ROWS
#define ROWS 100
#endif

template <int N, int I, int J>
struct Cell {
  using Previous = Cell<N, I, J - 1>;
  static constexpr long value = (Previous::value * 31 + N * I + J) % 1000003;
};

template <int N, int I>
struct Cell<N, I, 0> {
  static constexpr long value = N + I;
};

template <int N, int... Is>
long sum_rows(std::integer_sequence<int, Is...>) {
  return (Cell<N, Is, 500>::value + ...);
}

template <int N>
long launch(long scale) {
  return scale * sum_rows<N>(std::make_integer_sequence<int, ROWS>{});
}

long heavy(int n, long scale) {
  switch (n) {
    case 1:
      return launch<1>(scale);
    case 2:
      return launch<2>(scale);
    case 3:
      return launch<3>(scale);
    case 4:
      return launch<4>(scale);
    case 5:
      return launch<5>(scale);
    default:
      std::printf("unsupported n: %d\n", n);
      return -1;
  }
}
