// A file of many small functions, with what makes dealing them hard.
//
// Public functions, members, specialisations, static and anonymous helpers, counters that must stay one object,
// macros that are defined again and again, namespaces of every kind.

#include "tally.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#define TALLY_SQUARE(x) ((x) * (x))

static double clean(double value) {
  return std::isfinite(value) ? value : 0.0;
}

namespace tally {

// ---- members

int Ledger::made = 0;

Ledger::Ledger() {
  ++made;
}

double Ledger::total() const {
  return std::accumulate(rows.begin(), rows.end(), 0.0, [](double a, double b) { return a + clean(b); });
}

void Ledger::add(double value) {
  rows.push_back(clean(value));
}

// ---- helpers

namespace {

struct Range {
  double low;
  double high;
};

Range range_of(const Ledger& ledger) {
  if (ledger.rows.empty()) return {0.0, 0.0};
  auto found = std::minmax_element(ledger.rows.begin(), ledger.rows.end());
  return {*found.first, *found.second};
}

// One counter for the program.
int tickets = 0;

int width(const Range& range) {
  return static_cast<int>(range.high - range.low);
}

}  // namespace

static int rounded(double value);

template <typename T>
T scaled(T value) {
  return value * 2;
}

template <>
float scaled<float>(float value) {
  return value * 2.5f;
}

template <>
double scaled<double>(double value) {
  return static_cast<double>(rounded(value));
}

template int scaled<int>(int);
template long scaled<long>(long);

int next_ticket() {
  return ++tickets;
}

int last_ticket() {
  return tickets;
}

static int rounded(double value) {
  return static_cast<int>(std::lround(value));
}

double average(const Ledger& ledger) {
  return ledger.rows.empty() ? 0.0 : ledger.total() / static_cast<double>(ledger.rows.size());
}

double variance(const Ledger& ledger) {
  const double mean = average(ledger);
  double sum = 0.0;
  for (double row : ledger.rows) sum += TALLY_SQUARE(row - mean);
  return sum;
}

inline namespace v1 {

double spread(const Ledger& ledger) {
  const Range range = range_of(ledger);
  return range.high - range.low + variance(ledger) * 0;
}

}  // namespace v1

namespace detail {

double clamp(double value, double low, double high) {
  return std::min(std::max(value, low), high);
}

}  // namespace detail

std::string label(const Ledger& ledger) {
  return "ledger of " + std::to_string(width(range_of(ledger))) + ", " + std::to_string(next_ticket());
}

std::ostream& operator<<(std::ostream& out, const Ledger& ledger) {
  return out << label(ledger) << detail::clamp(variance(ledger), 0, 9) << scaled<float>(1.f);
}

// ---- macros that stand for something else each time

#define FOLD(name, start, op)                  \
  double name(const Ledger& ledger) {          \
    double found = start;                      \
    for (double row : ledger.rows) found op row; \
    return found;                              \
  }

FOLD(summed, 0.0, +=)
FOLD(product, 1.0, *=)

#undef FOLD

#define STEP(x) ((x) + 1)
int up(int value) {
  return STEP(value);
}
#undef STEP

#define STEP(x) ((x)-1)
int down(int value) {
  return STEP(value);
}
#undef STEP

}  // namespace tally

extern "C" {

int tally_version(void) {
  return 3;
}

double tally_sum(const double* rows, std::size_t count) {
  tally::Ledger ledger;
  for (std::size_t n = 0; n < count; ++n) ledger.add(rows[n]);
  return ledger.total() + clean(0.0);
}

}  // extern "C"

#if defined(TALLY_DEBUG)

static int checks = 0;

bool tally_check(const tally::Ledger& ledger) {
  ++checks;
  return tally::variance(ledger) >= 0.0;
}

int tally_checks() {
  return checks;
}

#else

bool tally_check(const tally::Ledger&) {
  return true;
}

int tally_checks() {
  return 0;
}

#endif

static_assert(sizeof(double) == 8, "rows are doubles");
